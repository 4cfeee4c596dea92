"""Alert rules and dashboards speak of what is exported, and of nothing else."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from vectormigrate.daemon.telemetry.catalogue import CATALOGUE, QORTEX
from vectormigrate.daemon.telemetry.notices import NAMES

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ALERTS = (DEPLOY / "prometheus" / "alerts.yml").read_text()
BOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
EXPORTED = {name for metric in CATALOGUE for name in metric.exported}
LABELS = {name: set(metric.labels) for metric in CATALOGUE for name in metric.exported}
BASE = "https://docs.example.com/vectormigrate/"
"""Stands for wherever somebody puts the site."""
EVERYWHERE = {"job", "instance", "le"}
"""Labels that a scrape adds, and that of a bucket."""


def expressions(text):
    """Every name of ours in a query, with the labels by which it is selected."""
    return re.findall(r"(vectormigrate_\w+)(?:\{([^}]*)\})?", text)


def queries(board):
    for panel in json.loads(board.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


def assert_known(text):
    for name, selected in expressions(text):
        assert name in EXPORTED, name
        labels = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selected))
        assert labels <= LABELS[name] | EVERYWHERE, (name, labels)


def test_every_rule_speaks_of_what_is_exported():
    rules = re.findall(r"expr: (?:>-\n)?((?:.+\n)(?: {10}.+\n)*)", ALERTS)
    assert len(rules) == ALERTS.count("- alert:")
    for rule in rules:
        assert_known(rule)


@pytest.mark.parametrize("board", BOARDS, ids=lambda path: path.stem)
def test_every_panel_speaks_of_what_is_exported(board):
    found = list(queries(board))
    assert len(found) >= 10
    for _, expression in found:
        assert_known(expression)
    text = json.loads(board.read_text())
    assert len({panel["id"] for panel in text["panels"]}) == len(text["panels"])
    assert "uid" not in text  # whoever imports it may have one of that name


def test_every_number_is_on_a_dashboard_or_in_a_rule():
    shown = ALERTS + "".join(expression for board in BOARDS for _, expression in queries(board))
    unseen = {metric.name for metric in CATALOGUE if not any(name in shown for name in metric.exported)}
    assert unseen == {
        "build_info",
        *(metric.name for metric in QORTEX),
    }  # whose users have panels of their own


def test_every_alert_has_its_runbook():
    """The link is that of the page as `make docs` builds it: its name behind the base, its heading as the fragment."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    assert "runbooks.md" in str(site["nav"])
    assert site["use_directory_urls"] is False  # so that the page is runbooks.html
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbooks.md").read_text(), re.MULTILINE)
    rules = yaml.safe_load(ALERTS)["groups"][0]["rules"]
    assert rules
    for rule in rules:
        assert rule["annotations"]["runbook_url"] == f"{BASE}runbooks.html#{rule['alert'].lower()}"
        assert rule["alert"] in headings


@pytest.mark.parametrize("told", ["deploy/prometheus/alerts.yml", "docs/operating.md"])
def test_where_the_runbooks_are_is_said_with_one_command(told, tmp_path):
    (command,) = re.findall(r"^(?:#   )?(sed -i .*) alerts\.yml$", (ROOT / told).read_text(), re.MULTILINE)
    (tmp_path / "alerts.yml").write_text(ALERTS)
    words = [*shlex.split(command.replace("YOUR.SITE", "runbooks.corp")), "alerts.yml"]
    subprocess.run(words, cwd=tmp_path, check=True)
    rules = yaml.safe_load((tmp_path / "alerts.yml").read_text())["groups"][0]["rules"]
    urls = [rule["annotations"]["runbook_url"] for rule in rules]
    assert urls == [f"https://runbooks.corp/runbooks.html#{rule['alert'].lower()}" for rule in rules]


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool: Prometheus is not installed")
@pytest.mark.parametrize(
    "what", [("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")], ids=" ".join
)
def test_prometheus_itself_takes_them(what):
    done = subprocess.run(
        ["promtool", *what], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_about_watching_names_everything_that_can_be_told():
    page = (ROOT / "docs" / "operating.md").read_text()
    assert [name for name in NAMES if f"`{name}`" not in page] == []
