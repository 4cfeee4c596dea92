"""The table against what Qdrant publishes: every endpoint has a decision, and the way to it is found."""

from __future__ import annotations

import inspect
import pkgutil
import re
from importlib import import_module
from pathlib import Path

import pytest

from vectormigrate.stores.facade import Decision
from vectormigrate.stores.qdrant.facade.endpoints import ENDPOINTS, find, find_call
from vectormigrate.stores.qdrant.pb import (
    collections_service_pb2,
    points_service_pb2,
    qdrant_pb2,
    snapshots_service_pb2,
)

DOCUMENTED = Path(__file__).with_name("documented.txt")
"""Method and path of every endpoint in the description that the server of 1.19 publishes of itself."""


def bare(path):
    return re.sub(r"\{\w+\}", "{}", path)


TABLE = {(route.method, bare(route.path)) for route in ENDPOINTS}


def test_every_endpoint_that_the_server_documents_has_a_decision():
    rows = [tuple(line.split()) for line in DOCUMENTED.read_text().splitlines()]
    assert len(rows) > 60
    assert [row for row in rows if (row[0], bare(row[1])) not in TABLE] == []


def test_every_endpoint_that_the_official_client_calls_has_a_decision():
    import qdrant_client.http.api as api

    called = set()
    for module in pkgutil.iter_modules(api.__path__):
        source = inspect.getsource(import_module(f"{api.__name__}.{module.name}"))
        called |= set(re.findall(r'method="(\w+)",\s*url="([^"]+)"', source))
    assert len(called) > 60
    assert [row for row in sorted(called) if (row[0], bare(row[1])) not in TABLE] == []


def test_every_grpc_method_has_a_decision_and_no_other():
    services = [
        service
        for module in (points_service_pb2, collections_service_pb2, snapshots_service_pb2, qdrant_pb2)
        for service in module.DESCRIPTOR.services_by_name.values()
    ]
    published = {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}
    assert len(published) > 50
    told = {route.path for route in ENDPOINTS if route.method == "RPC"}
    assert told - {"/grpc.health.v1.Health/Check"} == published


def test_what_is_not_served_says_why():
    silent = [
        route.path
        for route in ENDPOINTS
        if route.decision in (Decision.FORWARD, Decision.REFUSE) and not route.why
    ]
    assert silent == []


def test_no_endpoint_stands_twice():
    assert len(TABLE) == len(ENDPOINTS)


@pytest.mark.parametrize(
    ("method", "path", "operation", "values"),
    [
        ("GET", "/", "version", ()),
        ("GET", "", "version", ()),
        ("POST", "/collections/c/points/query", "query", ("c",)),
        ("POST", "/collections//c/points/query/", "query", ("c",)),
        ("PUT", "/collections/a%20b/points", "upsert", ("a b",)),
        ("PUT", "/collections/a%2Fb/points", "upsert", ("a/b",)),
        ("GET", "/collections/c/points/17", "get_point", ("c", "17")),
        ("GET", "/collections/aliases", "describe_collection", ("aliases",)),
        ("POST", "/collections/aliases", "change_aliases", ()),
        ("POST", "/collections/aliases/points/count", "count", ("aliases",)),
        ("DELETE", "/collections/c/index/a.b", "delete_index", ("c", "a.b")),
        ("PUT", "/collections/c/shards/0/snapshots/recover", "recover_shard_snapshot", ("c", "0")),
    ],
)
def test_the_way_to_a_row(method, path, operation, values):
    found = find(method, path)
    assert (found.route.operation, found.values) == (operation, values)


def test_whose_request_it_is():
    assert find("GET", "/collections/c").collection == "c"
    assert find("GET", "/snapshots/x").collection is None
    assert find("POST", "/collections/aliases").collection is None


def test_what_stands_in_no_row_is_a_read_only_if_its_method_is_safe():
    assert find("GET", "/collections/c/new").route.decision is Decision.FORWARD
    write = find("POST", "/collections/c/new")
    assert (write.route.decision, write.collection) == (Decision.CAPTURE, "c")
    assert find("PATCH", "/new").route.decision is Decision.CAPTURE
    assert find_call("/qdrant.Points/Frobnicate").decision is Decision.CAPTURE
    assert find_call("/qdrant.Points/Scroll").operation == "scroll"


def test_the_page_about_the_facade_has_the_table():
    page = (Path(__file__).parents[4] / "docs" / "facades-qdrant.md").read_text()
    rows = [f"| `{route.method} {route.path}` | {route.decision} | {route.why} |" for route in ENDPOINTS]
    assert page.endswith("\n".join(["| request | decision | why |", "|---|---|---|", *rows]) + "\n")
