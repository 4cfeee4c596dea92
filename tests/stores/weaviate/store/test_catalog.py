"""Classes looked at, made and dropped; other names of them; and what they do not say themselves."""

import asyncio
import json
from dataclasses import replace
from uuid import UUID

import numpy as np
import pytest

from tests.conformance.subject import Subject, make_record, to_batch
from tests.fakes.moved import moved
from tests.stores.weaviate import declared
from tests.stores.weaviate.classes import MADE
from vectormigrate.model.collection import Field, FieldType, IdKind, Metric, VectorField, VectorIndex
from vectormigrate.model.errors import StoreDown, Unsupported
from vectormigrate.stores.weaviate import open_store, pb
from vectormigrate.stores.weaviate.store.link import Link
from vectormigrate.stores.weaviate.wire.shape import read_shape, write_class

from .answering import answering


@pytest.fixture
def link(endpoint):
    opened = Link(endpoint)
    yield opened
    opened.close()


async def made_by_others(subject, link, vectors, **more):
    """A class that says nothing of dimensions."""
    name = subject.new_name()
    described = {
        "class": name,
        "vectorConfig": vectors,
        "properties": [{"name": "label", "dataType": ["text"]}],
        **more,
    }
    await subject.store._run(link.rest, "POST", "/schema", described)  # fmt: skip
    return name


PLAIN = {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw", "vectorIndexConfig": {"distance": "dot"}}


async def test_how_wide_vectors_are_is_told_by_objects(subject, link):
    name = await made_by_others(subject, link, {"a": PLAIN, "b": PLAIN})
    assert {one.dim for one in (await subject.store.describe(name)).vectors} == {None}
    shape = await subject.store.describe(name)
    record = replace(
        make_record(MADE, UUID(int=5)), dense={"a": np.ones(3, np.float32)}, multi={}, payload={}
    )
    fields = (VectorField("a", dim=3),)
    await subject.store.upsert(name, to_batch(replace(shape, vectors=fields), [record]))
    described = await subject.store.describe(name)
    assert {one.name: one.dim for one in described.vectors} == {"a": 3, "b": None}
    got = await subject.store.fetch(name, [record.id])
    assert got.vectors["a"].values.tolist() == [[1, 1, 1]]


async def test_an_index_is_made_as_it_is_wanted(subject):
    vectors = [
        VectorField("graph", dim=4, metric=Metric.DOT, index=VectorIndex("hnsw", {"m": 8, "ef_construction": 32})),
        VectorField("flat", dim=4, metric=Metric.EUCLID, index=VectorIndex("flat")),
        VectorField("foreign", dim=4, metric=Metric.COSINE, index=VectorIndex("ivfflat", {"lists": 5})),
    ]  # fmt: skip
    shape = await subject.create(vectors=vectors)
    told = {one.name: (one.metric, one.index.kind, one.dim) for one in shape.vectors}
    assert told == {
        "graph": (Metric.DOT, "hnsw", 4),
        "flat": (Metric.EUCLID, "flat", 4),
        "foreign": (Metric.COSINE, "hnsw", 4),
    }
    assert shape.vector("graph").index.params == {"m": 8, "ef_construction": 32}


async def test_the_unnamed_vector_and_none_at_all(subject):
    shape = await subject.create(vectors=[VectorField("", dim=4, metric=Metric.DOT)])
    assert [one.name for one in shape.vectors] == [""]
    await subject.fill(shape, 3)
    assert await subject.store.count(shape.name) == 3
    none = await subject.create(vectors=[])
    assert none.vectors == ()
    await subject.fill(none, 3)
    assert await subject.store.count(none.name) == 3


async def test_an_alias_is_another_name():
    answers = {
        "/v1/schema/Docs": write_class(MADE),
        "/v1/aliases": {"aliases": [{"alias": "Now", "class": "Docs"}]},
    }
    counted = pb.AggregateReply(single_result=pb.AggregateReply.Single(objects_count=3)).SerializeToString()
    with answering(
        lambda _, path, __: (200, json.dumps(answers[path]).encode()), lambda *_: counted
    ) as found:
        async with open_store(found[0]) as store:
            assert await store.aliases() == {"Now": "Docs"}
            assert (await store.describe("Now")).name == "Now"
            assert await store.locate("Now") == await store.locate("Docs")
            assert await store.locate("Now/red") == await store.locate("Docs/red")
            assert await store.count("Now") == 3


async def test_a_real_alias_is_another_name(judge_weaviate):
    async with Subject(lambda: open_store(judge_weaviate)).running() as subject:
        shape = await subject.create(IdKind.UUID)
        records = await subject.fill(shape, 3)
        alias, link = subject.new_name(), Link(judge_weaviate)
        await subject.store._run(link.rest, "POST", "/aliases", {"class": shape.name, "alias": alias})
        assert (await subject.store.aliases())[alias] == shape.name
        assert (await subject.store.fetch(alias, [records[0].id])).ids == [records[0].id]
        await subject.store._run(link.rest, "DELETE", f"/aliases/{alias}")
        link.close()
        await subject.store.add_alias(alias, shape.name)
        assert (await subject.store.aliases())[alias] == shape.name
        await subject.store.drop(shape.name)
        assert alias not in await subject.store.aliases()


async def test_an_alias_is_given_and_goes_with_its_class():
    told = {"aliases": [{"alias": "Now", "class": "Docs"}, {"alias": "X", "class": "Y"}]}
    with answering(lambda *_: (200, json.dumps(told).encode())) as (endpoint, seen):
        async with open_store(endpoint) as store:
            await store.add_alias("Now", "Docs")
            await store.drop("Docs")
    changes = [asked[:2] for asked in seen if asked[0] in ("POST", "DELETE")]
    assert changes == [("POST", "/v1/aliases"), ("DELETE", "/v1/aliases/Now"), ("DELETE", "/v1/schema/Docs")]


async def test_names_and_shapes_that_cannot_be(subject):
    for name in ("lower", "With-Hyphen", "A" * 256, "Ok/ten ant"):
        with pytest.raises(Unsupported, match="cannot name"):
            await subject.store.check_create(replace(subject.shape(), name=name))
    shape = await subject.create()
    with pytest.raises(Unsupported, match="no tenants"):
        await subject.store.check_create(replace(subject.shape(IdKind.UUID), name=f"{shape.name}/red"))
    decimal = subject.shape(fields=[Field("d", FieldType.DECIMAL)])
    with pytest.raises(Unsupported, match="'d'"):
        await subject.store.check_create(decimal)


def indexing(*nodes):
    """A server with one class, whose nodes answer one thing after the other, the last for ever."""
    told = list(nodes)

    def answer(method, path, headers):
        if path.startswith("/v1/nodes/Docs"):
            status, body = told.pop(0) if len(told) > 1 else told[0]
            return status, json.dumps(body).encode()
        return 200, json.dumps({"aliases": []} if path == "/v1/aliases" else write_class(MADE)).encode()

    return answer


def queue(*lengths):
    return 200, {"nodes": [{"shards": [{"vectorQueueLength": one} for one in lengths]}, {"shards": None}]}


async def test_a_load_is_finished_when_nothing_waits_to_be_indexed():
    with answering(indexing(queue(5, 0), queue(0, 1), queue(0, 0))) as (endpoint, seen):
        async with open_store(endpoint) as store:
            await store.finish_load(MADE)
    assert sum(path.startswith("/v1/nodes/Docs") for _, path, _ in seen) == 3


async def test_who_may_not_look_at_nodes_does_not_wait_and_who_waits_too_long_is_told():
    with answering(indexing((403, {"error": [{"message": "rbac"}]}))) as (endpoint, _):
        async with open_store(endpoint) as store:
            await store.finish_load(MADE)
    with answering(indexing((503, {}))) as (endpoint, _):
        async with open_store(endpoint) as store:
            with pytest.raises(StoreDown):
                await store.finish_load(MADE)
    with answering(indexing(queue(1))) as (endpoint, _):
        patient = replace(endpoint, options={**endpoint.options, "slow_timeout": "0.01"})
        async with open_store(patient) as store:
            with pytest.raises(StoreDown, match="gave up"):
                await store.finish_load(MADE)


@pytest.mark.parametrize("status", [403, 404, 405])
async def test_who_may_see_no_aliases_has_none(status):
    with answering(lambda *_: (status, b"")) as (endpoint, _):
        async with open_store(endpoint) as store:
            assert await store.aliases() == {}


async def test_a_tenant_makes_its_class_and_the_last_takes_it_along(subject, link):
    like = await subject.create(IdKind.UUID)
    store, name = subject.store, subject.new_name()
    names = [f"{name}/{tenant}" for tenant in ("red", "blue")]
    for one in names:
        await store.check_create(replace(like, name=one))
        made = await store.create(replace(like, name=one))
        assert (made.name, made.id.kind) == (one, IdKind.UUID)
        record = make_record(like, UUID(int=5))
        written = await store.upsert(one, to_batch(like, [record]))
        assert (written.acknowledged, written.refused) == (1, ())
    assert await store.partitions(name) == {"red": names[0], "blue": names[1]}
    assert [await store.count(one) for one in names] == [1, 1]
    described = await store._run(link.rest, "GET", f"/schema/{name}")
    assert described["multiTenancyConfig"]["enabled"] is True
    await store.drop(names[0])
    assert await store.partitions(name) == {"blue": names[1]}
    await store.drop(names[1])
    assert name not in await store.collections()


async def test_a_class_of_others_stays_without_its_tenants(subject, link):
    name = await made_by_others(subject, link, {"a": PLAIN}, multiTenancyConfig={"enabled": True})
    like = await subject.create(IdKind.UUID)
    await subject.store.create(replace(like, name=f"{name}/red"))
    await subject.store.drop(f"{name}/red")
    assert name in await subject.store.collections()
    assert await subject.store.partitions(name) == {}


async def test_what_has_no_tenants_has_no_parts(subject):
    like = await subject.create(IdKind.UUID)
    assert await subject.store.partitions(like.name) == {}


@pytest.mark.parametrize("tenants", [False, True])
async def test_the_vendor_says_the_same_of_a_copy(weaviate_server, tenants):
    def make():
        with declared.client_of(weaviate_server) as client:
            declared.make(client, "Docs", tenants=tenants)

    def said():
        with declared.client_of(weaviate_server) as client:
            return declared.said(client, "Docs"), declared.said(client, "Copy")

    await asyncio.to_thread(make)
    options = {**weaviate_server.options, **({"keys": "tenants"} if tenants else {})}
    async with open_store(replace(weaviate_server, options=options)) as store:
        notes = await moved(store, "Docs", "Copy", source_layout="raw")
    source, copy = await asyncio.to_thread(said)
    assert copy == source
    assert notes == ()


async def test_a_reference_to_a_class_that_is_not_there_is_foretold(subject, link):
    """Weaviate would refuse the class behind the plan."""
    name = await made_by_others(subject, link, {"a": PLAIN})
    described = {
        "class": "Docs",
        "vectorConfig": {"a": PLAIN},
        "properties": [{"name": "by", "dataType": ["Docs", name]}],
    }
    shape = read_shape(described)
    await subject.store.check_create(shape)
    await subject.store.drop(name)
    with pytest.raises(Unsupported, match=f"'by' refers to class {name!r}") as caught:
        await subject.store.check_create(shape)
    assert "--drop by" in caught.value.hint
    itself = read_shape({**described, "properties": [{"name": "by", "dataType": ["Docs"]}]})
    await subject.store.check_create(itself)
