"""The table against what pymilvus' own service description and Milvus' documents have: everything has a decision."""

from __future__ import annotations

from pathlib import Path

import pytest

from vectormigrate.stores.facade import Decision
from vectormigrate.stores.milvus.facade.endpoints import ENDPOINTS, REST, SERVICE, find, find_call
from vectormigrate.stores.milvus.pb import milvus_pb2

DOCUMENTED = Path(__file__).with_name("documented.txt")
"""Paths of REST v2 that Milvus' server routes and its documents name."""


def test_every_rpc_has_a_decision_and_no_other():
    methods = milvus_pb2.DESCRIPTOR.services_by_name["MilvusService"].methods
    assert len(methods) > 140
    told = [route.path for route in ENDPOINTS if route.method == "RPC"]
    assert sorted(told) == sorted(SERVICE + method.name for method in methods)


def test_every_documented_path_has_a_decision():
    paths = DOCUMENTED.read_text().split()
    assert len(paths) > 50
    told = {route.path for route in ENDPOINTS if route.method == "POST"}
    assert [path for path in paths if REST + path not in told] == []


def test_a_path_is_decided_as_the_rpc_that_it_stands_for():
    for route in ENDPOINTS:
        assert route.decision is find_call(SERVICE + route.rpc).decision


def test_what_is_not_served_says_why():
    silent = [
        route.path
        for route in ENDPOINTS
        if route.decision in (Decision.FORWARD, Decision.REFUSE) and not route.why
    ]
    assert silent == []


@pytest.mark.parametrize(
    ("method", "path", "rpc"),
    [
        ("POST", "/v2/vectordb/entities/insert", "Insert"),
        ("POST", "/v2/vectordb/entities/get/", "Query"),
        ("GET", "/v2/vectordb/entities/insert", ""),
        ("POST", "/v2/vectordb/entities/frobnicate", ""),
    ],
)
def test_the_way_to_a_row(method, path, rpc):
    assert find(method, path).rpc == rpc


def test_what_stands_in_no_row_is_a_read_only_if_its_method_is_safe():
    assert find("GET", "/healthz").decision is Decision.FORWARD
    assert find("POST", "/v2/vectordb/new").decision is Decision.CAPTURE
    assert find_call(SERVICE + "Frobnicate").decision is Decision.CAPTURE


def test_the_page_about_the_facade_has_the_table():
    page = (Path(__file__).parents[4] / "docs" / "facades-milvus.md").read_text()
    table = [f"| `{route.method} {route.path}` | {route.decision} | {route.why} |" for route in ENDPOINTS]
    assert page.endswith("\n".join(["| request | decision | why |", "|---|---|---|", *table]) + "\n")
