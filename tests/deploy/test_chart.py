"""The Helm chart, rendered by Helm itself and held against Kubernetes' own schemas; no cluster is needed."""

import itertools
from pathlib import Path

import helm_python
import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "vectormigrate"
SWITCHES = ("networkPolicy", "serviceMonitor", "prometheusRule", "dashboards")
OF_OPERATORS = ("ServiceMonitor", "PrometheusRule")
"""Kinds that Kubernetes itself does not know."""


def render(values=None):
    """Documents by kind and name."""
    with_chart = helm_python.Chart.load(CHART)
    try:
        with_chart.validate_schema(values or {})
        texts = with_chart.render(values or {}, name="move", namespace="search")
    finally:
        with_chart.close()
    documents = [
        document
        for name, text in texts.items()
        if name.endswith(".yaml")
        for document in yaml.safe_load_all(text)
        if document
    ]
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def pod_of(rendered):
    return rendered["StatefulSet", "move-vectormigrate"]["spec"]["template"]["spec"]


def on(*switches):
    return {switch: {"enabled": switch in switches} for switch in (*SWITCHES, "podDisruptionBudget")}


@pytest.mark.parametrize(
    "switches",
    [
        chosen
        for size in (0, 1, 5)
        for chosen in itertools.combinations((*SWITCHES, "podDisruptionBudget"), size)
    ],
    ids=lambda chosen: "+".join(chosen) or "bare",
)
def test_what_it_renders_is_valid(switches):
    for (kind, name), document in render(on(*switches)).items():
        assert name.startswith("move-vectormigrate")
        labels = document["metadata"]["labels"]
        assert labels["app.kubernetes.io/instance"] == "move"
        if kind not in OF_OPERATORS:
            kubernetes_validate.validate(document, "1.31", strict=True)


def test_what_needs_an_operator_is_off_until_it_is_asked_for():
    assert {kind for kind, _ in render()} == {
        "ConfigMap",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
        "StatefulSet",
    }


def test_there_is_one_replica_with_a_volume_of_its_own():
    spec = render()["StatefulSet", "move-vectormigrate"]["spec"]
    assert spec["replicas"] == 1
    assert spec["volumeClaimTemplates"][0]["spec"]["accessModes"] == ["ReadWriteOnce"]


def test_the_pod_can_do_nothing_that_it_need_not():
    pod = pod_of(render())
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_it_has_longer_to_end_than_requests_under_way():
    assert pod_of(render())["terminationGracePeriodSeconds"] > 30  # the default of `grace`


def test_a_changed_configuration_starts_a_new_pod():
    def annotation(values):
        template = render(values)["StatefulSet", "move-vectormigrate"]["spec"]["template"]
        return template["metadata"]["annotations"]["checksum/config"]

    assert annotation({}) != annotation({"config": "[api]\naddr = 'off'\n"})


def test_every_listener_has_its_port_in_pod_service_and_policy():
    listeners = [{"name": "main", "port": 6333}, {"name": "pinecone", "port": 5080}]
    rendered = render({**on("networkPolicy"), "listeners": listeners})
    named = {"api": 8080, "main": 6333, "pinecone": 5080}
    (container,) = pod_of(rendered)["containers"]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == named
    service = rendered["Service", "move-vectormigrate"]["spec"]
    assert {port["name"]: port["port"] for port in service["ports"]} == named
    first, second = rendered["NetworkPolicy", "move-vectormigrate"]["spec"]["ingress"]
    assert [port["port"] for port in first["ports"]] == [6333, 5080]
    assert [port["port"] for port in second["ports"]] == [8080]


def test_rules_and_dashboards_are_those_of_deploy():
    switched = on("prometheusRule", "dashboards")
    switched["prometheusRule"]["docsUrl"] = "https://docs.example.com/vectormigrate"
    rendered = render(switched)
    rules = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())
    assert rendered["PrometheusRule", "move-vectormigrate"]["spec"] == rules
    boards = rendered["ConfigMap", "move-vectormigrate-dashboards"]["data"]
    for name in ("client-path", "migration", "trust"):
        text = (ROOT / "deploy" / "grafana" / f"{name}.json").read_text()
        assert boards[f"vectormigrate-{name}.json"] == text


@pytest.mark.parametrize(
    ("site", "name", "begins"),
    [
        ("https://docs.corp/vm/", "runbook_url", "https://docs.corp/vm/runbooks.html#vectormigrate"),
        ("http://docs.corp", "runbook_url", "http://docs.corp/runbooks.html#vectormigrate"),
        ("", "runbook", "docs/runbooks.md#vectormigrate"),
    ],
)
def test_an_alert_links_to_its_runbook_where_it_is_and_names_it_where_there_is_no_site(site, name, begins):
    rendered = render({"prometheusRule": {"enabled": True, "docsUrl": site}})
    (group,) = rendered["PrometheusRule", "move-vectormigrate"]["spec"]["groups"]
    for rule in group["rules"]:
        told = rule["annotations"]
        assert told[name] == begins.removesuffix("vectormigrate") + rule["alert"].lower()
        assert len({"runbook", "runbook_url"} & told.keys()) == 1
    assert "example.com" not in yaml.safe_dump(rendered["PrometheusRule", "move-vectormigrate"])


def test_a_site_of_runbooks_that_nobody_could_open_is_refused():
    with pytest.raises(helm_python.HelmError, match="docsUrl"):
        render({"prometheusRule": {"enabled": True, "docsUrl": "docs/runbooks.md"}})


def test_a_key_for_scraping_is_taken_from_a_secret():
    values = {"serviceMonitor": {"enabled": True, "keySecret": {"name": "scrape", "key": "token"}}}
    (endpoint,) = render(values)["ServiceMonitor", "move-vectormigrate"]["spec"]["endpoints"]
    assert endpoint["authorization"] == {"credentials": {"name": "scrape", "key": "token"}}


@pytest.mark.parametrize(
    "values",
    [
        {"listeners": []},
        {"listeners": [{"name": "main", "port": 80}]},
        {"replicas": 2},
        {"persistence": {"size": "a lot"}},
        {"config": ""},
    ],
    ids=str,
)
def test_values_that_cannot_be_meant_are_refused(values):
    with pytest.raises(helm_python.HelmError):
        render(values)
