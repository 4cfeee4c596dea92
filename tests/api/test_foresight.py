"""Looking ahead over REST and as a tool: before anything is made."""

from tests.fakes.api import site, two_stores
from vectormigrate.api.arguments import take
from vectormigrate.api.commands import BY_NAME
from vectormigrate.model.access import Scope


async def test_what_a_source_holds_and_would_become(tmp_path):
    given = two_stores(tmp_path)
    async with site(tmp_path) as here:
        source = {name: value for name, value in given.items() if name.startswith("source")}
        status, seen = await here.ask("POST", "/v1/schema", {**source, "target_type": "qdrant"})
        assert (status, seen["target"], seen["shape"]["id"]["kind"]) == (200, "qdrant", "int")
        assert {one["source_field"] for one in seen["field_mappings"]} >= {"id", "title", "embedding"}
        assert seen["proposed"]["vectors"][0]["dim"] == seen["shape"]["vectors"][0]["dim"]
        status, told = await here.ask(
            "POST",
            "/v1/schema",
            {"source_type": "milvus", "target_type": "weaviate", "field": {"v": "bit(8)"}},
        )
        assert (status, told["shape"], told["named_losses"][0]["name"]) == (200, None, "vector:v")
        assert (await here.ask("POST", "/v1/schema", {"target_type": "qdrant"}))[0] == 400
        assert (await here.ask("GET", "/v1/migrations"))[1]["migrations"] == []


async def test_a_mapping_goes_along_as_text(tmp_path):
    given = two_stores(tmp_path)
    async with site(tmp_path) as here:
        mapping = '[fields.title]\nrename = "name"\n'
        _, plan = await here.ask("POST", "/v1/migrations/docs/plan", {**given, "mapping": mapping})
        assert [one["target"] for one in plan["fields"]] == ["name"]
        assert plan["arguments"]["mapping"] == mapping
        status, problem = await here.ask("POST", "/v1/migrations/docs/plan", {**given, "mapping": "old.db"})
        assert (status, problem["code"]) == (403, "forbidden")


def test_kinds_of_stores_are_no_secret_and_their_addresses_are():
    def needs(**given):
        return take(BY_NAME["schema"], given).needs

    assert needs(source_type="sqlite", target_type="qdrant") is Scope.OPERATE
    assert needs(source="old", source_index="docs", target_type="qdrant") is Scope.OPERATE
    assert needs(source_type="sqlite", source_url="/etc/x.db", target_type="qdrant") is Scope.ADMIN
