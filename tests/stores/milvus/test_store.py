"""The door: opening dials nothing."""

from __future__ import annotations

from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.milvus import open_store
from vectormigrate.stores.registry import open_store as open_by_kind


async def test_opening_dials_nothing(tmp_path):
    for url in ("http://nowhere.invalid:1", str(tmp_path / "x.db")):
        async with open_store(Endpoint("milvus", url)):
            pass
    assert list(tmp_path.iterdir()) == []


async def test_the_registry_knows_the_kind(tmp_path):
    async with open_by_kind(Endpoint("milvus", str(tmp_path / "x.db"))) as store:
        assert store.capabilities.kind == "milvus"
        assert (await store.info()).details["server"] == "milvus lite"
