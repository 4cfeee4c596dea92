"""Tenants: part of the key, asleep or not, and left as they were found."""

from dataclasses import replace
from uuid import UUID

import pytest

from tests.conformance.compare import assert_same, ids_of
from tests.conformance.subject import Subject, make_record, read_all, to_batch
from vectormigrate.model.collection import Field, FieldType, IdKind
from vectormigrate.model.errors import CollectionExists, CollectionMissing
from vectormigrate.model.record import Record
from vectormigrate.stores.base import Content, Range
from vectormigrate.stores.weaviate import open_store
from vectormigrate.stores.weaviate.errors import TenantAsleep
from vectormigrate.stores.weaviate.store.link import Link
from vectormigrate.stores.weaviate.store.splitting import Splitting
from vectormigrate.stores.weaviate.store.woken import Woken
from vectormigrate.stores.weaviate.wire.shape import tenant_key

TENANTS = ("blue", "green", "red")


@pytest.fixture
def link(endpoint):
    opened = Link(endpoint)
    yield opened
    opened.close()


async def with_tenants(subject: Subject, link: Link, monkeypatch=None):
    """A class with tenants and five records in each, one id of them in all."""
    wanted = replace(
        subject.shape(IdKind.UUID, fields=[Field("label", FieldType.TEXT)]),
        id=tenant_key(),
    )
    shape = await subject.store.create(wanted)
    path = f"/schema/{shape.name}/tenants"
    await subject.store._run(link.rest, "POST", path, [{"name": one} for one in TENANTS])
    ids = [(tenant, UUID(int=number << 90)) for tenant in TENANTS for number in range(5)]
    records = [make_record(shape, record_id, seed) for seed, record_id in enumerate(ids)]
    assert (await subject.store.upsert(shape.name, to_batch(shape, records))).acknowledged == 15
    return shape, records


async def set_state(subject, link, shape, tenant, state):
    body = [{"name": tenant, "activityStatus": state}]
    await subject.store._run(link.rest, "PUT", f"/schema/{shape.name}/tenants", body)


async def states(subject, link, shape):
    told = await subject.store._run(link.rest, "GET", f"/schema/{shape.name}/tenants")
    asleep = ("COLD", "INACTIVE")
    return {one["name"]: one["activityStatus"] not in asleep for one in told}


async def test_the_tenant_is_part_of_the_key(subject, link):
    shape, records = await with_tenants(subject, link)
    assert [part.kind for part in shape.id.parts] == [IdKind.TEXT, IdKind.UUID]
    assert await subject.store.count(shape.name) == 15
    got = await read_all(subject.store, shape.name, limit=2)
    assert_same(got, records, shape)
    wanted = [records[7].id, ("red", UUID(int=99)), records[0].id]
    assert (await subject.store.fetch(shape.name, wanted)).ids == [records[7].id, records[0].id]
    assert len(await subject.store.fetch(shape.name, [UUID(int=0)])) == 0
    await subject.store.delete(shape.name, [records[0].id])
    assert await subject.store.count(shape.name) == 14
    assert (await subject.store.fetch(shape.name, [records[5].id])).ids == [records[5].id]


async def test_every_cursor_goes_on_behind_its_record_also_in_the_next_tenant(subject, link):
    shape, records = await with_tenants(subject, link)
    for place, record in enumerate(records):
        cursor = subject.store.cursor_of(record.id)
        rest = await read_all(subject.store, shape.name, Range(cursor), limit=4, content=Content.IDS)
        assert ids_of(rest) == ids_of(records[place + 1 :])
        first = await read_all(subject.store, shape.name, Range(None, cursor), limit=4, content=Content.IDS)
        assert ids_of(first) == ids_of(records[: place + 1])


@pytest.mark.parametrize("parts", [2, 3, 6])
async def test_ranges_of_large_classes_cover_all_tenants(subject, link, monkeypatch, parts):
    shape, records = await with_tenants(subject, link)
    monkeypatch.setattr("vectormigrate.stores.weaviate.store.splitting._LISTED", 1)
    assert Splitting
    ranges = await subject.store.split(shape.name, parts)
    assert 2 <= len(ranges) <= parts
    got = [await read_all(subject.store, shape.name, span, content=Content.IDS) for span in ranges]
    assert ids_of([record for part in got for record in part]) == ids_of(records)


async def test_one_tenant_is_a_collection_of_its_own(subject, link):
    shape, records = await with_tenants(subject, link)
    name = f"{shape.name}/green"
    described = await subject.store.describe(name)
    assert (described.name, described.id.kind) == (name, IdKind.UUID)
    assert await subject.store.count(name) == 5
    alone = [replace(record, id=record.id[1]) for record in records[5:10]]
    assert_same(await read_all(subject.store, name, limit=2), alone, described)
    new = Record(UUID(int=77), records[0].dense, payload={"label": "new"})
    await subject.store.upsert(name, to_batch(described, [new]))
    assert (await subject.store.fetch(shape.name, [("green", new.id)])).payload == [{"label": "new"}]
    await subject.store.delete(name, [new.id, alone[0].id])
    assert await subject.store.count(shape.name) == 14
    with pytest.raises(CollectionMissing):
        await subject.store.describe(f"{shape.name}/nobody")


async def test_a_tenant_is_made_and_dropped_by_its_name(subject, link):
    shape, _ = await with_tenants(subject, link)
    name = f"{shape.name}/violet"
    wanted = replace(await subject.store.describe(f"{shape.name}/green"), name=name)
    made = await subject.store.create(wanted)
    assert (made.name, await subject.store.count(name)) == (name, 0)
    with pytest.raises(CollectionExists):
        await subject.store.create(wanted)
    await subject.store.drop(name)
    await subject.store.drop(name)
    assert set(await states(subject, link, shape)) == set(TENANTS)
    assert await subject.store.count(shape.name) == 15


async def test_a_tenant_that_is_asleep_is_woken_and_put_to_sleep_again(subject, link):
    shape, records = await with_tenants(subject, link)
    await set_state(subject, link, shape, "green", "COLD")
    async with open_store(subject.store.endpoint) as store:
        assert await store.count(shape.name) == 15
        assert_same(await read_all(store, shape.name), records, shape)
        await store.upsert(shape.name, to_batch(shape, records[5:6]))
        await store.delete(shape.name, [records[6].id])
        assert await states(subject, link, shape) == dict.fromkeys(TENANTS, True)
    assert await states(subject, link, shape) == dict.fromkeys(TENANTS, True) | {"green": False}


async def test_a_tenant_that_a_killed_process_woke_is_put_to_sleep_by_the_next(subject, link, tmp_path):
    shape, _ = await with_tenants(subject, link)
    await set_state(subject, link, shape, "green", "COLD")
    endpoint = replace(subject.store.endpoint, notes=str(tmp_path))
    gone = Woken(endpoint.notes, link.address.name)  # notes what it wakes, and is killed
    gone.add(shape.name, "green")
    gone.add(shape.name, "nobody")
    gone.add("NoSuchClass", "green")
    gone.end(settled=False)
    await set_state(subject, link, shape, "green", "HOT")
    async with open_store(endpoint) as store:
        assert await store.count(shape.name) == 15
        assert (await states(subject, link, shape))["green"]
    assert await states(subject, link, shape) == dict.fromkeys(TENANTS, True) | {"green": False}
    assert list(tmp_path.iterdir()) == []


async def test_what_cannot_be_put_to_sleep_now_is_left_to_the_next_process(subject, link, tmp_path):
    shape, _ = await with_tenants(subject, link)
    await set_state(subject, link, shape, "green", "COLD")
    endpoint = replace(subject.store.endpoint, notes=str(tmp_path))
    store = open_store(endpoint)
    assert await store.count(shape.name) == 15
    store._link.close()
    await store.close()
    assert len(list(tmp_path.iterdir())) == 1
    async with open_store(endpoint) as store:
        await store.info()
    assert not (await states(subject, link, shape))["green"]


async def test_a_tenant_that_is_asleep_is_left_alone_unless_it_may_be_woken(subject, link):
    shape, _ = await with_tenants(subject, link)
    await set_state(subject, link, shape, "green", "COLD")
    options = {key: value for key, value in subject.store.endpoint.options.items() if key != "wake_tenants"}
    async with open_store(replace(subject.store.endpoint, options=options)) as store:
        for call in (lambda: store.count(shape.name), lambda: read_all(store, shape.name)):
            with pytest.raises(TenantAsleep, match="green") as caught:
                await call()
            assert "wake_tenants" in caught.value.hint
    assert not (await states(subject, link, shape))["green"]
