"""Names to adapters; a store is found without being dialled."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.model.errors import UsageError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.facade import Reached
from vectormigrate.stores.front import Standing
from vectormigrate.stores.memory import MemoryStore
from vectormigrate.stores.registry import DIALECTS, KINDS, build_facade, disguised, open_store


def test_a_kind_opens_its_adapter():
    assert isinstance(open_store(Endpoint("memory")), MemoryStore)
    assert sorted(KINDS) == [*KINDS]


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_opens_without_dialling(kind: str, tmp_path):
    urls = {
        "parquet": str(tmp_path),
        "sqlite": str(tmp_path / "x.db"),
        "pgvector": "postgresql://127.0.0.1:1/x",
        "milvus": "http://127.0.0.1:1",
        "qdrant": "http://127.0.0.1:1",
        "weaviate": "http://127.0.0.1:1",
    }
    store = open_store(Endpoint(kind, urls.get(kind, "")))
    assert store.endpoint.kind == kind
    await store.close()


def test_an_unknown_kind_names_the_known_ones():
    with pytest.raises(UsageError) as caught:
        open_store(Endpoint("mongo"))
    assert all(kind in caught.value.hint for kind in KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_an_option_that_nobody_understands_is_no_wish_granted(kind):
    with pytest.raises(UsageError, match=f"{kind} has no option 'timout'") as caught:
        open_store(Endpoint(kind, "", options={"timout": "3"}))
    assert caught.value.hint == "did you mean timeout?"


def test_an_extra_that_is_not_installed_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("vectormigrate.stores.parquet")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(UsageError, match="needs pyarrow") as caught:
        open_store(Endpoint("parquet", "anywhere"))
    assert "[parquet]" in caught.value.hint


def test_no_adapter_brings_a_vendors_whole_client_into_the_process():
    """pymilvus alone would bring pandas, and cost every worker process seconds."""
    program = (
        "import sys; from vectormigrate.stores import registry; from vectormigrate.stores.base import Endpoint\n"
        "for kind, url in (('milvus', 'http://127.0.0.1:1'), ('pgvector', 'postgresql://127.0.0.1:1/x')):\n"
        "    registry.open_store(Endpoint(kind, url))\n"
        "print(sorted({'pandas', 'pymilvus', 'qdrant_client', 'weaviate'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_dialect_is_served_over_any_store(dialect):
    async with open_store(Endpoint("memory")) as store:
        reached = Reached("http://127.0.0.1:1", "docs")
        facade = build_facade(dialect, Standing(store), FakeClock(), reached)
    assert facade.dialect == dialect
    assert facade.endpoints


async def test_a_store_is_disguised_where_it_has_to_be():
    async with open_store(Endpoint("memory")) as store:
        assert disguised("qdrant", store) is not store
        assert disguised("pinecone", store) is store


async def test_a_dialect_that_nobody_speaks_is_told():
    async with open_store(Endpoint("memory")) as store:
        with pytest.raises(UsageError) as caught:
            build_facade("weaviat", Standing(store), FakeClock(), Reached(""))
    assert all(dialect in caught.value.hint for dialect in DIALECTS)
