"""The table against what Weaviate publishes: every endpoint has a decision, and the way to it is found."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from weaviate.proto.v1.v6300.v1 import weaviate_pb2

from vectormigrate.stores.facade import Decision
from vectormigrate.stores.weaviate.facade.endpoints import BATCH_STREAM, ENDPOINTS, find, find_call

DOCUMENTED = Path(__file__).with_name("documented.txt")
"""Method and path of every endpoint in the description that the server of 1.40 publishes of itself."""


def bare(path):
    return re.sub(r"\{\w+\}", "{}", path)


TABLE = {(route.method, bare(route.path)) for route in ENDPOINTS}


def test_every_endpoint_that_the_server_documents_has_a_decision_and_no_other():
    rows = {tuple(bare(line).split()) for line in DOCUMENTED.read_text().splitlines()}
    assert len(rows) > 100
    assert {row for row in TABLE if row[0] != "RPC"} == rows


def test_every_grpc_method_has_a_decision_and_no_other():
    [service] = weaviate_pb2.DESCRIPTOR.services_by_name.values()
    published = {f"/{service.full_name}/{method.name}" for method in service.methods}
    told = {route.path for route in ENDPOINTS if route.method == "RPC"}
    assert told - {"/grpc.health.v1.Health/Check"} == published
    streaming = [method.name for method in service.methods if method.client_streaming]
    assert [f"/{service.full_name}/{name}" for name in streaming] == [BATCH_STREAM]


def test_what_is_not_served_says_why():
    silent = [
        route.path
        for route in ENDPOINTS
        if route.decision in (Decision.FORWARD, Decision.REFUSE) and not route.why
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("method", "path", "operation", "values"),
    [
        ("GET", "/v1", "root", {}),
        ("GET", "/v1/.well-known/ready", "alive", {}),
        ("POST", "/v1/objects/validate", "validate_object", {}),
        ("GET", "/v1/objects/validate", "get_object", {"id": "validate"}),
        ("GET", "/v1/objects/a%20b/1/", "get_object", {"class": "a b", "id": "1"}),
        ("DELETE", "/v1/objects/C/1/references/p", "delete_reference", {"class": "C", "id": "1", "property": "p"}),
        ("DELETE", "/v1/objects/1/references/p", "delete_reference", {"id": "1", "property": "p"}),
        ("HEAD", "/v1/schema/C/tenants/t", "head_tenant", {"class": "C", "tenant": "t"}),
        ("GET", "/v1/replication/replicate/list", "replications", {}),
        ("POST", "/v1/classifications", "classify", {}),
    ],
)  # fmt: skip
def test_the_way_to_a_row(method, path, operation, values):
    found = find(method, path)
    assert (found.route.operation, found.values) == (operation, values)


def test_whose_request_it_is():
    assert find("GET", "/v1/schema/article").collection == "Article"
    assert find("GET", "/v1/objects/1").collection is None
    assert find("GET", "/v1/meta").collection is None


def test_what_stands_in_no_row_is_a_read_only_if_its_method_is_safe():
    assert find("GET", "/v1/new").route.decision is Decision.FORWARD
    assert find("POST", "/v1/schema/C/new").route.decision is Decision.CAPTURE
    assert not find("PATCH", "/v1/new").route.known
    assert find_call("/weaviate.v1.Weaviate/Frobnicate").decision is Decision.CAPTURE
    assert find_call("/weaviate.v1.Weaviate/Search").operation == "search"


def test_the_page_about_the_facade_has_the_table():
    page = (Path(__file__).parents[4] / "docs" / "facades-weaviate.md").read_text()
    rows = [f"| `{route.method} {route.path}` | {route.decision} | {route.why} |" for route in ENDPOINTS]
    assert page.endswith("\n".join(["| request | decision | why |", "|---|---|---|", *rows]) + "\n")
