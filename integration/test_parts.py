"""Migrations of several parts by the real program, killed at random moments, judged by the vendors' clients."""

from __future__ import annotations

import asyncio
import random
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid5

import numpy as np
import psycopg
import pytest
from pinecone import Pinecone, ServerlessSpec
from pymilvus import MilvusClient
from qdrant_client import QdrantClient
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.tenants import Tenant, TenantActivityStatus

from integration.harness.runs import run, run_and_kill
from integration.matrix.places import sides
from tests.fakes.milvus import LiteServer
from tests.fakes.pinecone import serving as serving_pinecone
from tests.fakes.qdrant import QdrantServer
from tests.fakes.tables import fill, tables
from tests.fakes.weaviate import serving as serving_weaviate
from tests.life.weaviate_client import weaviate_client
from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.batch import Batch, dense_column
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
)
from vectormigrate.model.division import Division
from vectormigrate.model.selection import value_name
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.stores import registry

NAMESPACES = {
    "": 70,
    "eu": 110,
    "ten ant/&#252;": 40,
    "a.b": 30,
    "EU": 20,
}
"""Names as Pinecone allows them: ASCII, the default one, a slash, a dot, two that differ by case."""
SPACE = UUID("6ba7b812-9dad-11d1-80b4-00c04fd430c8")
COPIED = "(SELECT coalesce(sum(copied), 0) FROM range)"
KILLS = 4


def vector(place: str, number: int) -> list[float]:
    seed = uuid5(SPACE, f"{place}/{number}").int % 2**32
    return [float(one) for one in np.random.default_rng(seed).standard_normal(4).astype("f4")]


@contextmanager
def the_index(url: str, *, make: bool = False) -> Iterator[Any]:
    """The index `docs`, by Pinecone's own client."""
    client = Pinecone(api_key="key", host=url)
    if make:
        where = ServerlessSpec(cloud="aws", region="us-east-1")
        client.create_index("docs", dimension=4, metric="euclidean", spec=where)
    with client.index(host=str(client.indexes.describe("docs").host)) as index:
        yield index
    client.close()


def fill_pinecone(url: str) -> None:
    with the_index(url, make=True) as index:
        for space, count in NAMESPACES.items():
            given = [
                {"id": f"doc-{one}", "values": vector(space, one), "metadata": {"of": space or "none"}}
                for one in range(count)
            ]
            index.upsert(vectors=given, namespace=space)


def add_to_pinecone(url: str, namespace: str) -> None:
    with the_index(url) as index:
        index.upsert(vectors=[{"id": "x", "values": [1, 2, 3, 4]}], namespace=namespace)


@pytest.fixture(autouse=True)
def pinecone_key(monkeypatch):
    monkeypatch.setenv("PINECONE_KEY", "key")


@pytest.fixture
def qdrant():
    server = QdrantServer().start()
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def postgres(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postgres")
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "data", durable=False)
    server.start()
    yield server.dsn
    server.stop()


async def in_a_thread(work, *arguments, **words):
    return await asyncio.to_thread(work, *arguments, **words)


def killed_often(*words: str, state: Path, seed: int) -> int:
    """Start a migration and kill it at random moments; how often it was killed before its end."""
    rng = random.Random(seed)
    return sum(run_and_kill(*words, state=state, rng=rng, sign=COPIED, within=0.4) for _ in range(KILLS))


def from_pinecone(url: str, *target: str) -> tuple[str, ...]:
    """The words that move each namespace of the index."""
    return (
        "migrate", "docs", "--source-type", "pinecone", "--source-url", url, "--source-api-key", "env:PINECONE_KEY",
        "--source-index", "docs", "--source-option", "visible_after=0", "--each-partition", "*", *target,
    )  # fmt: skip


async def test_namespaces_with_odd_names_to_collections(tmp_path, qdrant):
    async with serving_pinecone() as endpoint:
        await in_a_thread(fill_pinecone, endpoint.url)
        words = from_pinecone(
            endpoint.url, "--target-type", "qdrant", "--target-url", qdrant, "--target-index", "{name}_v2", "--batch-size",
            "10", "--max-rate", "150", "--quarantine", "0",
        )  # fmt: skip
        state = tmp_path / "state.db"
        assert await in_a_thread(killed_often, *words, state=state, seed=1)
        status = await in_a_thread(run, *words, state=state)
        assert (status["phase"], status["total"]) == ("verified", sum(NAMESPACES.values()))
        assert len(status["parts"]) == len(NAMESPACES)
        report = await in_a_thread(run, "validate", "docs", "--full", state=state)
        assert (report["ok"], report["compared"]) == (True, sum(NAMESPACES.values()))
        client = QdrantClient(url=qdrant)
        held = await in_a_thread(in_qdrant, client)
        assert held == NAMESPACES
        await in_a_thread(run, "rollback", "docs", "--force", state=state)
        assert client.get_collections().collections == []
        client.close()


def in_qdrant(client: QdrantClient) -> dict[str, int]:
    """How many records of each namespace there are, all of one collection being of one, with the vectors they had."""
    found = {}
    for one in client.get_collections().collections:
        points, _ = client.scroll(one.name, limit=1000, with_payload=True, with_vectors=True)
        spaces = {point.payload["of"] for point in points}
        assert len(spaces) == 1, one.name
        space = spaces.pop().replace("none", "")
        for point in points:
            number = int(point.payload["_vm_id"].removeprefix("s:doc-"))
            assert point.vector["values"] == pytest.approx(vector(space, number))
        found[space] = len(points)
    return found


async def test_namespaces_to_tables_and_a_namespace_that_comes(tmp_path, postgres):
    async with serving_pinecone() as endpoint:
        await in_a_thread(fill_pinecone, endpoint.url)
        words = from_pinecone(
            endpoint.url, "--target-type", "pgvector", "--target-url", postgres, "--target-index", "ns_{name}", "--into",
            "eu=europe",
        )  # fmt: skip
        state = tmp_path / "state.db"
        await in_a_thread(run, *words, state=state)
        with psycopg.connect(postgres) as connection:
            names = [
                name
                for (name,) in connection.execute(
                    "select tablename from pg_tables where schemaname = 'public'"
                )
            ]
            counts = {
                name: connection.execute(f'select count(*) from "{name}"').fetchone()[0] for name in names
            }
        assert counts["europe"] == NAMESPACES["eu"]
        assert sorted(counts.values()) == sorted(NAMESPACES.values())

        await in_a_thread(add_to_pinecone, endpoint.url, "new")
        report = await in_a_thread(run, "validate", "docs", "--full", state=state, exit_code=3)
        assert report["statement"].endswith("parts of the source are not in the migration: docs:new")
        status = await in_a_thread(run, "resume", "docs", state=state)
        assert (status["phase"], len(status["parts"])) == ("verified", len(NAMESPACES) + 1)
        await in_a_thread(run, "validate", "docs", "--full", state=state)
        await in_a_thread(run, "rollback", "docs", "--force", state=state)
        with psycopg.connect(postgres) as connection:
            assert not list(connection.execute("select tablename from pg_tables where schemaname = 'public'"))


async def test_tenants_asleep_or_not_to_partitions(tmp_path):
    tenants = {"red": 60, "blue-1": 40, "asleep": 30}
    server = LiteServer(tmp_path / "milvus").start()
    try:
        async with serving_weaviate() as endpoint:
            rest, grpc = int(endpoint.url.rpartition(":")[2]), int(endpoint.options["grpc_port"])
            await in_a_thread(fill_weaviate, rest, grpc, tenants)
            words = (
                "migrate", "docs", "--source-type", "weaviate", "--source-url", endpoint.url, "--source-option",
                f"grpc_port={grpc}", "--source-option", "wake_tenants=yes", "--source-index", "Docs", "--each-partition",
                "*", "--target-type", "milvus", "--target-url", server.url, "--target-index", "docs/{name}",
                "--batch-size", "10", "--max-rate", "120", "--quarantine", "0",
            )  # fmt: skip
            state = tmp_path / "state.db"
            assert await in_a_thread(killed_often, *words, state=state, seed=3)
            status = await in_a_thread(run, *words, state=state)
            assert (status["phase"], status["total"]) == ("verified", sum(tenants.values()))
            assert [part["target"] for part in status["parts"]] == [
                "milvus:docs/asleep", "milvus:docs/blue_1", "milvus:docs/red",
            ]  # fmt: skip
            await in_a_thread(put_to_sleep, rest, grpc)  # whoever was killed could not do it
            await in_a_thread(run, "validate", "docs", "--full", state=state)
            states = await in_a_thread(states_of, rest, grpc)
            assert states == {"red": "ACTIVE", "blue-1": "ACTIVE", "asleep": "INACTIVE"}
            client = MilvusClient(server.url)
            for name, count in (("red", 60), ("blue_1", 40), ("asleep", 30)):
                rows = client.query(
                    "docs", "n >= 0", output_fields=["n", "tenant_of"], partition_names=[name], limit=1000
                )
                assert len(rows) == count
                assert {row["tenant_of"].replace("-", "_") for row in rows} == {name}
            await in_a_thread(run, "rollback", "docs", "--force", state=state)
            assert client.list_collections() == []
            client.close()
    finally:
        server.stop()


def fill_weaviate(rest: int, grpc: int, tenants: dict[str, int]) -> None:
    with ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = stack.enter_context(weaviate_client(rest, grpc))
        docs = client.collections.create(
            "Docs",
            vector_config=Configure.Vectors.self_provided(),
            multi_tenancy_config=Configure.multi_tenancy(enabled=True),
            properties=[
                Property(name="n", data_type=DataType.INT),
                Property(name="tenant_of", data_type=DataType.TEXT),
            ],
        )
        docs.tenants.create([Tenant(name=name) for name in tenants])
        for name, count in tenants.items():
            inside = docs.with_tenant(name)
            for number in range(count):
                inside.data.insert(
                    {"n": number, "tenant_of": name},
                    uuid=uuid5(SPACE, f"{name}/{number}"),
                    vector=vector(name, number),
                )
    put_to_sleep(rest, grpc)


def put_to_sleep(rest: int, grpc: int) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with weaviate_client(rest, grpc) as client:
            asleep = Tenant(name="asleep", activity_status=TenantActivityStatus.INACTIVE)
            client.collections.get("Docs").tenants.update([asleep])


def states_of(rest: int, grpc: int) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with weaviate_client(rest, grpc) as client:
            told = client.collections.get("Docs").tenants.get()
            return {name: one.activity_status.value for name, one in told.items()}


def test_tables_by_pattern_to_another_store(tmp_path, postgres):
    fill(tmp_path / "old.db", **{"docs_a": 300, "docs_b": 500, "docs c/ü": 200, "other": 10})
    words = (
        "migrate", "docs", "--source-type", "sqlite", "--source-url", str(tmp_path / "old.db"), "--each-collection",
        "docs*", "--target-type", "pgvector", "--target-url", postgres, "--batch-size", "20", "--max-rate", "900",
    )  # fmt: skip
    state = tmp_path / "state.db"
    assert killed_often(*words, state=state, seed=5)
    status = run(*words, state=state)
    assert (status["phase"], status["total"]) == ("verified", 1000)
    assert run("validate", "docs", "--full", state=state)["ok"]
    with psycopg.connect(postgres) as connection:
        for part in status["parts"]:
            source, target = (part[side].partition(":")[2] for side in ("source", "target"))
            count = connection.execute(f'select count(*) from "{target}"').fetchone()[0]
            assert count == tables(tmp_path / "old.db")[source]
    undone = run("rollback", "docs", "--force", state=state)
    assert (undone["left"], undone["foreign_changed"]) == (0, 0)


VALUES = {"lang": ["en", "de", "1", "true"], "n": [1, 2, -7, 0], "b": [True, False, True, False]}
TYPES = {"lang": FieldType.TEXT, "n": FieldType.INT, "b": FieldType.BOOL}
KEYS = {"weaviate": (IdKind.UUID, lambda number: UUID(int=number + 1)), "qdrant": (IdKind.MIXED, int)}
DYNAMIC = ("milvus", "pinecone", "qdrant")
UNNAMED = ("qdrant", "weaviate")


def shape_of(kind: str, name: str, field: str, *, declared: bool) -> CollectionShape:
    """A collection with one vector and that field, declared or not, as far as the store has a choice."""
    vector_field = VectorField("" if kind in UNNAMED else "v", dim=4, metric=Metric.EUCLID)
    has = declared and kind not in ("pinecone", "qdrant")
    fields = (Field(field, TYPES[field]),) if has else ()
    key, _ = KEYS.get(kind, (IdKind.TEXT, str))
    return CollectionShape(name, IdField("id", key), (vector_field,), fields, not declared or kind in DYNAMIC)


async def test_values_of_all_kinds_in_every_store_make_parts_that_add_up(tmp_path):
    table = SimpleNamespace(shape=SimpleNamespace(partitions=()))
    secrets = Secrets({}, {"PINECONE_KEY": "key"})
    async with sides() as found:
        for kind in sorted(found.keys() - {"memory"}):
            for field, declared in product(VALUES, (True, False)):
                ref = found[kind].ref(f"parts{field}{declared:d}", table, target=True)
                shape = shape_of(kind, ref.collection, field, declared=declared)
                _, key = KEYS.get(kind, (IdKind.TEXT, str))
                async with registry.open_store(secrets.resolve(ref, "")) as store:
                    await store.info()
                    made = await store.create(shape)
                    column = dense_column(list(np.eye(4, dtype="f4")) * 10, width=4, dtype=np.dtype("f4"))
                    payload = [{field: VALUES[field][number % 4]} for number in range(40)]
                    batch = Batch(
                        [key(number) for number in range(40)], {made.vectors[0].name: column}, payload
                    )
                    assert (await store.upsert(shape.name, batch)).acknowledged == 40
                    await store.finish_load(made)
                where = tmp_path / f"{kind}{field}{declared:d}"
                where.mkdir()
                target = StoreRef("sqlite", str(where / "new.db"), "{name}")
                asked = Specification("it", ref, target, quarantine=0.0, division=Division(value_of=field))
                async with Control.open(where / "state.db", secrets=secrets) as control:
                    await control.create(asked)
                    await control.run("it")
                    report = await control.validate("it", sample_size=None, full=True)
                assert (report.ok, report.compared) == (True, 40), (kind, field, declared, report.statement)
                assert set(tables(where / "new.db")) == {value_name(value) for value in VALUES[field]}
