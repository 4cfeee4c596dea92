"""The vendor's own client through the facade: over stores that are no Weaviate, and with one behind it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
import weaviate.classes as wvc
from weaviate.exceptions import UnexpectedStatusCodeError, WeaviateQueryError

from tests.fakes.clock import FakeClock
from tests.fakes.facades import LOOPBACK, listening
from tests.fakes.front import FakeFront
from tests.life import weaviate as life
from tests.life.answers import Call, Refusal, ask_all, differences
from tests.life.weaviate_client import weaviate_client
from vectormigrate.daemon.upstream import DialledUpstream, Target
from vectormigrate.model.touch import Ids, Matching, Whole
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access, Outcome, Standing
from vectormigrate.stores.registry import open_store
from vectormigrate.stores.weaviate.facade.emulated import emulated
from vectormigrate.stores.weaviate.facade.port import WeaviateFacade

SHAPES = {"dot": life.UNNAMED["dot"], "named": life.NAMED, "tenant": life.TENANT}


@asynccontextmanager
async def serving(front):
    """The ports of a facade over this front."""
    async with listening(WeaviateFacade(front, FakeClock()), grpc_listen=LOOPBACK) as (_, address, grpc):
        yield address.port, grpc.port


@asynccontextmanager
async def emulating(kind="memory", url=""):
    """The ports of a Weaviate over a store."""
    async with open_store(Endpoint(kind, url)) as store, serving(Standing(emulated(store))) as ports:
        yield ports


def lived(ports, shape, *parts):
    """What the client is told in these parts of a life, or in all of it."""
    told = life.Life(shape, brief=True)
    with weaviate_client(*ports) as client:
        told.create(client)
        return {
            name: answer
            for part in parts or ("seed", "reads", "writes", "beyond")
            for name, answer in ask_all(client, getattr(told, part)()).items()
        }


def refused(answers):
    return {name for name, answer in answers.items() if isinstance(answer, Refusal)}


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
async def test_a_life(shape):
    async with emulating() as ports:
        answers = await asyncio.to_thread(lived, ports, shape)
    wrong = {name for name in answers if "wrong" in name and not name.startswith("after")}
    others = {"insert again", "replace nothing", "update nothing", "create again"}
    beyond = {call.name for call in life.Life(shape).beyond()}
    assert refused(answers) == (wrong - {"batch with a wrong one"}) | others | beyond
    assert len(answers["all"]) == answers["count"] == life.ROWS
    assert answers["where equal words"] == [
        one for one in answers["where like"] if one["properties"]["n"] % 3 == 0
    ]


async def test_another_store_answers_the_same_and_keeps_it(tmp_path):
    shape, url = life.NAMED, str(tmp_path / "weaviate.db")
    async with emulating() as ports:
        answers = await asyncio.to_thread(lived, ports, shape, "seed", "reads", "seed")
    async with emulating("sqlite", url) as ports:
        again = await asyncio.to_thread(lived, ports, shape, "seed", "reads", "seed")
    assert [one for name in answers for one in differences(again[name], answers[name], name)] == []
    async with emulating("sqlite", url) as ports:
        assert await asyncio.to_thread(looked, ports, shape) == again["all"]


def looked(ports, shape):
    with weaviate_client(*ports) as client:
        [answer] = ask_all(client, [Call("look", life.Life(shape).look)]).values()
        return answer


async def test_before_a_cutover():
    shape = life.UNNAMED["cosine"]
    async with emulating() as source:
        alone = await asyncio.to_thread(lived, source, shape, "seed", "writes")
    async with (
        emulating() as source,
        DialledUpstream(*(Target.parse(f"http://127.0.0.1:{port}", "test") for port in source)) as upstream,
    ):
        front = FakeFront(Access(upstream=upstream), migrated=(life.COLLECTION,))
        async with serving(front) as ports:
            answers = await asyncio.to_thread(lived, ports, shape, "seed", "writes")
    assert [one for name in answers for one in differences(answers[name], alone[name], name)] == []
    kinds = {type(touch) for write in front.writes for touch in write.touched.get(life.COLLECTION, ())}
    assert kinds == {Ids, Matching, Whole}
    assert {write.outcome for write in front.writes} == {Outcome.ANSWERED}


def a_stream(ports):
    with weaviate_client(*ports) as client:
        collection = client.collections.create("Streamed", properties=[])
        other = client.collections.create(
            "Other", references=[wvc.config.ReferenceProperty(name="to", target_collection="Streamed")]
        )
        other.data.insert({}, uuid=UUID(int=1))
        with client.batch.stream() as batch:
            for row in range(20):
                wrong = {"n": "text"} if row == 7 else {"n": row}
                batch.add_object("Streamed", wrong, uuid=UUID(int=row + 1), vector=[1.0, row])
            batch.add_reference(UUID(int=1), "Other", "to", UUID(int=3))
        failed = [int(str(one.object_.uuid)[-2:], 16) for one in client.batch.failed_objects]
        query = other.query.fetch_object_by_id(
            UUID(int=1), return_references=wvc.query.QueryReference(link_on="to", return_properties=["n"])
        )
        [linked] = query.references["to"].objects
        return len(collection), failed, linked.properties


async def test_a_stream_of_batches():
    async with emulating() as ports:
        assert await asyncio.to_thread(a_stream, ports) == (19, [8], {"n": 2.0})


def references(ports):
    with weaviate_client(*ports) as client:
        books = client.collections.create(
            "Book", properties=[wvc.config.Property(name="t", data_type=wvc.config.DataType.TEXT)]
        )
        people = client.collections.create(
            "Person", references=[wvc.config.ReferenceProperty(name="wrote", target_collection="Book")]
        )
        ids = [books.data.insert({"t": f"book {row}"}) for row in range(3)]
        person = people.data.insert({}, references={"wrote": [ids[0]]})
        people.data.reference_add(person, "wrote", ids[1])

        def wrote():
            asked = wvc.query.QueryReference(link_on="wrote", return_properties=["t"], return_metadata=None)
            found = people.query.fetch_object_by_id(person, return_references=asked)
            return [one.properties["t"] for one in found.references["wrote"].objects]

        told = [wrote()]
        people.data.reference_replace(person, "wrote", [ids[2], ids[0]])
        told.append(wrote())
        people.data.reference_delete(person, "wrote", ids[0])
        told.append(wrote())
        people.data.reference_add_many(
            [wvc.data.DataReference(from_property="wrote", from_uuid=person, to_uuid=ids[1])]
        )
        told.append(wrote())
        with pytest.raises(UnexpectedStatusCodeError, match="no object with id"):
            people.data.reference_add(person, "wrote", UUID(int=9))
        counted = wvc.query.Filter.by_ref_count("wrote").equal(2)
        told.append(len(people.query.fetch_objects(filters=counted).objects))
        with pytest.raises(WeaviateQueryError, match="through references"):
            people.query.fetch_objects(
                filters=wvc.query.Filter.by_ref("wrote").by_property("t").equal("book")
            )
        return told


async def test_references():
    async with emulating() as ports:
        told = await asyncio.to_thread(references, ports)
    assert told == [
        ["book 0", "book 1"],
        ["book 2", "book 0"],
        ["book 2"],
        ["book 2", "book 1"],
        1,
    ]


def schema(ports):
    with weaviate_client(*ports) as client:
        made = client.collections.create(
            "Things",
            multi_tenancy_config=wvc.config.Configure.multi_tenancy(enabled=True, auto_tenant_creation=True),
            vector_config=wvc.config.Configure.Vectors.self_provided(name="v"),
        )
        made.config.add_property(wvc.config.Property(name="p", data_type=wvc.config.DataType.INT))
        made.config.update(description="things")
        made.tenants.create([wvc.tenants.Tenant(name="a"), wvc.tenants.Tenant(name="b")])
        made.with_tenant("a").data.insert({"p": 1, "new": True}, uuid=UUID(int=1), vector={"v": [1.0]})
        made.with_tenant("c").data.insert({"p": 3}, uuid=UUID(int=1), vector={"v": [1.0]})
        made.tenants.deactivate("b")
        states = {name: one.activity_status.value for name, one in made.tenants.get().items()}
        with pytest.raises(WeaviateQueryError, match="not active"):
            made.with_tenant("b").query.fetch_objects()
        made.tenants.remove(["a"])
        config = made.config.get()
        found = [one.properties for one in made.with_tenant("c").query.fetch_objects().objects]
        names = sorted(client.collections.list_all())
        return (
            config.description,
            [one.name for one in config.properties],
            states,
            sorted(made.tenants.get()),
            found,
            names,
        )


async def test_classes_and_tenants():
    async with emulating() as ports:
        told = await asyncio.to_thread(schema, ports)
    assert told == (
        "things",
        ["p", "new"],
        {"a": "ACTIVE", "b": "INACTIVE", "c": "ACTIVE"},
        ["b", "c"],
        [{"p": 3, "new": None}],
        ["Things"],
    )


def fused(ports):
    with weaviate_client(*ports) as client:
        made = client.collections.create("Things")
        for number in range(120):
            made.data.insert({}, uuid=UUID(int=number), vector=[1.0, number / 10])
        asked = {"query": "words that count for nothing", "vector": [1.0, 0.0], "alpha": 1}
        tell = wvc.query.MetadataQuery(score=True, distance=True)
        near = made.query.near_vector([1.0, 0.0], limit=120, return_metadata=tell).objects
        few = made.query.hybrid(**asked, limit=2, offset=1, return_metadata=tell).objects
        same = made.query.hybrid(
            **asked, limit=2, return_metadata=tell, filters=wvc.query.Filter.by_id().equal(UUID(int=5))
        )
        with pytest.raises(WeaviateQueryError, match="in which words count"):
            made.query.hybrid(**{**asked, "alpha": 0.7})
        return [one.metadata.distance for one in near], few, same.objects


async def test_a_hybrid_search_by_the_vector_alone_has_scores_between_the_nearest_and_the_hundredth():
    async with emulating() as ports:
        distances, few, [same] = await asyncio.to_thread(fused, ports)
    assert [one.uuid.int for one in few] == [1, 2]
    scores = [(distances[99] - one) / (distances[99] - distances[0]) for one in distances[1:3]]
    assert [one.metadata.score for one in few] == pytest.approx(scores, abs=1e-6)
    assert (few[0].metadata.distance, same.metadata.score) == (None, 1.0)
