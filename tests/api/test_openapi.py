import json

from vectormigrate.api import openapi
from vectormigrate.api.commands import COMMANDS


def references(node):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    if isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_route_is_described_and_everything_that_it_names_is_there():
    document = json.loads(openapi.encoded())
    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, entry in document["paths"].items() for method in entry}
    wanted = {(route.method, route.url) for command in COMMANDS for route in command.routes}
    assert described == wanted
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def test_operations_have_names_of_their_own_and_say_how_they_fail():
    entries = [entry for path in openapi.document()["paths"].values() for entry in path.values()]
    names = [entry["operationId"] for entry in entries]
    assert len(names) == len(set(names))
    for entry in entries:
        assert {"200", "202"} & entry["responses"].keys()
        assert "application/problem+json" in entry["responses"]["401"]["content"]
        assert "Needs the scope" in entry["description"]


def test_what_stands_in_a_path_is_not_asked_for_twice():
    entry = openapi.document()["paths"]["/v1/migrations/{migration_id}/validate"]["post"]
    taken = entry["requestBody"]["content"]["application/json"]["schema"]
    assert "migration_id" not in taken["properties"]
    assert taken["properties"]["sample_size"] == {
        "type": "integer",
        "description": "Compare this many records, chosen at random.",
        "minimum": 1,
        "maximum": 10_000_000,
        "default": 100,
    }
    assert [one["name"] for one in entry["parameters"]] == ["migration_id", "Idempotency-Key"]
