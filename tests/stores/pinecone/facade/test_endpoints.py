"""The table of endpoints, against what Pinecone describes and what its SDK calls."""

import re
from pathlib import Path

import pinecone
import pytest

from vectormigrate.stores.facade import Decision
from vectormigrate.stores.pinecone.facade import PineconeFacade, endpoints
from vectormigrate.stores.pinecone.facade.serving import actions

from .published import GRPC, OPENAPI, PROTO, SDK

TABLE = [(one.method, one.path) for one in PineconeFacade.endpoints]


def test_every_documented_endpoint_has_one_decision_and_no_other_has():
    published = [tuple(line.split(" ")) for line in (*OPENAPI, *PROTO, *SDK)]
    assert sorted(TABLE) == sorted([*published, *(("RPC", path) for path in GRPC)])


def test_every_path_that_the_sdk_calls_is_in_the_table():
    root = Path(pinecone.__file__).parent
    called = set()
    for path in [
        *root.glob("client/*.py"),
        *root.glob("index/*.py"),
        *root.glob("grpc/*.py"),
        root / "_client.py",
    ]:
        if path.stem.startswith(("_assistant", "assistants")):  # another product, at hosts of its own
            continue
        source = path.read_text()
        called |= set(re.findall(r'_http\w*\.(get|post|put|patch|delete)\(\s*f?"(/[^"]+)"', source))
    called = {(method.upper(), _shape(path)) for method, path in called}
    assert len(called) > 30
    assert called <= {(method, _shape(path)) for method, path in TABLE}


def _shape(path):
    return re.sub(r"\{.*?\}(?=/|$)", "{}", path)


def test_what_is_served_can_be_served_and_what_is_not_says_why():
    served = actions().keys() | {
        "list_indexes",
        "describe_index",
        "create_index",
        "configure_index",
        "delete_index",
    }
    for route in (*endpoints.REST, *endpoints.GRPC.values()):
        endpoint = route.endpoint
        if endpoint.decision is Decision.SERVE:
            assert route.action in served
        if route.action not in served:
            assert endpoint.why, endpoint


def test_the_documentation_tells_every_endpoint_and_its_reason():
    text = (Path(__file__).parents[4] / "docs" / "facades-pinecone.md").read_text()
    rows = dict(re.findall(r"^\| `((?:[A-Z]+) /.*?)` \| (.*) \|$", text, re.MULTILINE))
    assert list(rows) == [f"{method} {path}" for method, path in TABLE]
    for endpoint in PineconeFacade.endpoints:
        assert rows[f"{endpoint.method} {endpoint.path}"].endswith(endpoint.why)


@pytest.mark.parametrize(
    ("method", "path", "action", "values"),
    [
        ("POST", "/query", "query", {}),
        ("GET", "/namespaces/a%2Fb%20c", "describe_namespace", {"namespace": "a/b c"}),
        ("DELETE", "/namespaces/create", "delete_namespace", {"namespace": "create"}),
        ("POST", "/namespaces/n/documents/upsert", "documents", {"namespace": "n"}),
        ("GET", "/indexes/create-for-model", "describe_index", {"index_name": "create-for-model"}),
        ("PATCH", "/indexes/demo", "configure_index", {"index_name": "demo"}),
    ],
)
def test_a_path_leads_to_its_row(method, path, action, values):
    route, found = endpoints.find(method, path)
    assert (route.action, found) == (action, values)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/query"),
        ("POST", "/query/"),
        ("POST", "/namespaces/a/b"),
        ("GET", "/"),
        ("POST", "//indexes"),
    ],
)
def test_what_is_not_documented_has_no_row(method, path):
    assert endpoints.find(method, path) is None
