"""Recommendations by names of stores, without a server."""

import pytest

from tests.fakes.tables import fill
from vectormigrate.daemon.recommending import schema, schema_recommendation
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.errors import CollectionMissing, UsageError
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.stores import registry


@pytest.mark.parametrize("kind", registry.KINDS)
async def test_every_kind_is_answered_without_a_server(kind):
    found = await schema_recommendation("memory", kind, {"id": "text", "e": "vector(3)"})
    assert (found.target_type, len(found.field_mappings)) == (kind, 2)
    assert (await schema_recommendation(kind, kind)).source_type == kind


async def test_an_unknown_kind_is_refused():
    with pytest.raises(UsageError, match="unknown store type 'chroma'"):
        await schema_recommendation("memory", "chroma")


async def shown(source, target="qdrant", **described):
    return await schema(Specification("unnamed", source, StoreRef(target, "", "")), described, Secrets())


async def test_a_collection_is_looked_at_where_there_is_no_target_yet(tmp_path):
    fill(tmp_path / "old.db", docs=7)
    source = StoreRef("sqlite", str(tmp_path / "old.db"), "docs", options={"vectors": "embedding"})
    found = await shown(source, "pinecone")
    assert (found.source, found.target) == ("sqlite:docs", "pinecone")
    assert {one["name"]: one["types"] for one in found.inferred} == {"lang": {"text": 7}}
    by_name = {one.source_field: one for one in found.field_mappings}
    assert by_name.keys() == {"id", "embedding", "lang"}
    assert (by_name["id"].conversion_needed, by_name["id"].confidence) == (True, 0.9)
    assert [(one.name, one.dim) for one in found.proposed.vectors] == [("embedding", 4)]
    assert found.shape.vectors[0].dim == 4
    with pytest.raises(CollectionMissing):
        await shown(StoreRef("sqlite", str(tmp_path / "old.db"), "nothing"))


async def test_of_names_and_types_nothing_is_looked_at():
    found = await shown(StoreRef("qdrant", "", ""), "pgvector", title="text", v="vector(9)")
    assert (found.shape, found.layout, [one["fate"] for one in found.vectors]) == (None, {}, ["exact"])
    assert len((await shown(StoreRef("qdrant", "", ""))).field_mappings) == 4
    with pytest.raises(UsageError, match="not looked at"):
        await shown(StoreRef("memory", "", "docs"), title="text")
