"""Ids come in order from any id on, whatever they look like and however soon tokens expire."""

from __future__ import annotations

import random
import string

import numpy as np
import pytest

from tests.conformance.compare import ids_of
from tests.conformance.subject import Subject, make_record, read_all, to_batch
from vectormigrate.model.errors import StoreBroken, StoreDown, StoreError, Unsupported
from vectormigrate.stores.base import Content, Range

ODD = [
    "a",
    "aa",
    "ab",
    "a b",
    "a/b",
    "a?b",
    "a#b",
    "a%b",
    "a+b",
    "a\tb",
    "~",
    "!",
    "A",
    "aaa",
    "b",
    "\x01",
    "\x7f",
]


async def filled(subject: Subject, ids):
    shape = await subject.create()
    for start in range(0, len(ids), 1000):
        some = [make_record(shape, one, 1) for one in ids[start : start + 1000]]
        await subject.store.upsert(shape.name, to_batch(shape, some))
    return shape.name


async def listed(subject: Subject, name, lower=None, upper=None):
    span = Range(*(None if one is None else subject.store.cursor_of(one) for one in (lower, upper)))
    return ids_of(await read_all(subject.store, name, span, content=Content.IDS))


async def test_every_id_is_a_place_to_go_on_from(subject):
    name = await filled(subject, ODD)
    order = sorted(ODD)
    assert await listed(subject, name) == order
    for place, one in enumerate(order):
        assert await listed(subject, name, one) == order[place + 1 :]
        assert await listed(subject, name, None, one) == order[: place + 1]


async def test_ids_that_are_not_there_are_places_too(subject):
    name = await filled(subject, ODD)
    for place in ("", "a!", "aab", "zzz", "\x00", "~~", "a" * 20):
        assert await listed(subject, name, place) == [one for one in sorted(ODD) if one > place]


@pytest.mark.parametrize("seed", range(3))
async def test_a_large_namespace_is_cut_anywhere(subject, service, seed):
    chance = random.Random(seed)
    letters = chance.choice([string.hexdigits[:16], "ab", string.printable[:94]])
    ids = sorted({"".join(chance.choices(letters, k=chance.randint(1, 12))) for _ in range(900)})
    service.page = chance.choice([7, 100])
    name = await filled(subject, ids)
    await subject.store.barrier(name)
    for _ in range(4):
        lower, upper = sorted(chance.sample(ids, 2))
        assert await listed(subject, name, lower, upper) == [one for one in ids if lower < one <= upper]


async def test_going_on_does_not_read_from_the_start(subject, service):
    ids = [f"doc-{number:05d}#chunk" for number in range(6000)]
    name = await filled(subject, ids)
    await subject.store.barrier(name)
    service.requests.clear()
    assert await listed(subject, name, ids[5500], ids[5600]) == ids[5501:5601]
    # Sixty pages lie before. What is asked for instead are prefixes, most of them of nothing.
    full = [one for one in service.requests if one[1] == "/vectors/list"]
    assert len(full) < 900


async def test_a_token_that_expires_costs_nothing_but_a_look(subject, service):
    ids = [f"{number:04d}" for number in range(350)]
    name = await filled(subject, ids)
    await subject.store.barrier(name)
    service.token_life = 1
    service.page = 20
    assert await listed(subject, name) == ids
    assert await listed(subject, name, "0100") == ids[101:]


async def test_without_a_single_token_that_works_everything_is_still_found(subject, service):
    ids = [f"{number:04d}" for number in range(350)]
    name = await filled(subject, ids)
    await subject.store.barrier(name)
    service.token_life = -1
    assert await listed(subject, name) == ids


async def test_ids_that_only_a_token_could_reach_are_an_error(subject, service):
    name = await filled(subject, ["a" * 100 + letter for letter in ("", *"abcdefgh")])
    await subject.store.barrier(name)
    service.token_life, service.page = -1, 1
    with pytest.raises(StoreError) as caught:
        await listed(subject, name, "a" * 100)
    assert not caught.value.retryable


async def test_a_list_that_fails_or_makes_no_sense_is_told(subject, service, monkeypatch):
    name = await filled(subject, ["a", "b", "c"])
    await subject.store.barrier(name)
    service.failing = [("/vectors/list", 503, {})]
    with pytest.raises(StoreDown):
        await listed(subject, name)
    monkeypatch.setattr(service, "list", lambda *how: ({"vectors": [5]}, {}))
    with pytest.raises(StoreBroken):
        await listed(subject, name)


async def test_ids_out_of_order_stop_a_scan(subject, service, monkeypatch):
    name = await filled(subject, ["a", "b", "c"])
    await subject.store.barrier(name)
    real = service.list

    def shuffled(*how):
        answer, headers = real(*how)
        return answer | {"vectors": answer["vectors"][::-1]}, headers

    monkeypatch.setattr(service, "list", shuffled)
    with pytest.raises(StoreBroken, match="order"):
        await listed(subject, name)


async def test_pods_cannot_list_and_say_so(opens, served):
    shape_of = Subject(open=opens)
    async with shape_of.running() as subject:
        shape = await subject.create()
        index = served.service.index(shape.name)
        index.pod = {"environment": "e", "pod_type": "p1.x1", "replicas": 1, "shards": 1, "pods": 1}
        await subject.store.describe(shape.name)
        records = [make_record(shape, one, place) for place, one in enumerate("abc")]
        await subject.store.upsert(shape.name, to_batch(shape, records))
        got = await subject.store.fetch(shape.name, ["a", "x", "c"])
        assert got.ids == ["a", "c"]
        assert np.array_equal(got.vectors["vec"].values[0], records[0].dense["vec"])
        assert await subject.store.count(shape.name) == 3
        await subject.store.delete(shape.name, ["b"])
        assert await subject.store.count(shape.name) == 2
        with pytest.raises(Unsupported, match="pod"):
            await read_all(subject.store, shape.name)
