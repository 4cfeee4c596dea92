"""Splitting, scanning, resuming, fetching."""

from __future__ import annotations

import json
from contextlib import aclosing
from itertools import pairwise

import pytest

from vectormigrate.model.collection import IdKind, KeyOrder
from vectormigrate.stores.base import Content, Range

from .compare import assert_same, ids_of, natural
from .subject import Subject, make_ids, make_record, make_records, read_all, requires, to_batch


class Reading:
    """A scan goes in key order, and a cursor is worth as much in another process as here."""

    @pytest.mark.parametrize("kind", IdKind)
    async def test_a_scan_gives_everything_in_key_order(self, subject: Subject, kind: IdKind):
        requires(kind in subject.capabilities.id_kinds, f"id_kinds: {kind}")
        shape = await subject.create(kind)
        records = make_records(shape, make_ids(kind, 20))
        await subject.store.upsert(shape.name, to_batch(shape, records[::-1]))
        got = [page async for page in subject.store.scan(shape.name, Range(), limit=3)]
        assert all(1 <= len(page.batch) <= 3 for page in got)
        scanned = [record for page in got for record in page.batch.records()]
        if shape.id.order is KeyOrder.OTHER:
            records.sort(key=lambda record: ids_of(scanned).index(record.id))
        assert_same(scanned, records, shape)
        assert ids_of(await read_all(subject.store, shape.name)) == ids_of(scanned)

    @pytest.mark.parametrize("kind", IdKind)
    async def test_every_cursor_goes_on_exactly_behind_its_record(self, subject: Subject, kind: IdKind):
        requires(kind in subject.capabilities.id_kinds, f"id_kinds: {kind}")
        shape = await subject.create(kind)
        await subject.fill(shape, 11)
        pages = [page async for page in subject.store.scan(shape.name, Range(), limit=1)]
        order = [page.batch.ids[0] for page in pages]
        assert [subject.store.key_of(page.cursor) for page in pages] == order
        other = subject.open()
        try:
            for place, page in enumerate(pages):
                cursor = json.loads(json.dumps(page.cursor))
                rest = await read_all(other, shape.name, Range(cursor), limit=4, content=Content.IDS)
                assert ids_of(rest) == order[place + 1 :]
                first = await read_all(other, shape.name, Range(None, cursor), content=Content.IDS)
                assert ids_of(first) == order[: place + 1]
        finally:
            await other.close()

    async def test_a_cursor_outlives_its_record(self, subject: Subject):
        shape = await subject.create()
        await subject.fill(shape, 9)
        pages = [page async for page in subject.store.scan(shape.name, Range(), limit=3)]
        order = [record_id for page in pages for record_id in page.batch.ids]
        await subject.store.delete(shape.name, [order[2], order[3]])
        rest = await read_all(subject.store, shape.name, Range(pages[0].cursor))
        assert ids_of(rest) == order[4:]

    async def test_a_scan_of_nothing_has_no_page(self, subject: Subject):
        shape = await subject.create()
        assert [page async for page in subject.store.scan(shape.name, Range())] == []
        assert await subject.store.count(shape.name) == 0

    async def test_an_ids_scan_has_ids_alone(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 5)
        pages = [page async for page in subject.store.scan(shape.name, Range(), limit=2, content=Content.IDS)]
        got = [record_id for page in pages for record_id in page.batch.ids]
        assert sorted(got, key=natural) == ids_of(records)
        for page in pages:
            assert page.batch.vectors == {}
            assert page.batch.payload == [{}] * len(page.batch)
        looked_at = [page async for page in subject.store.scan(shape.name, Range(), content=Content.PAYLOAD)]
        payloads = {one.id: one.payload for page in looked_at for one in page.batch.records()}
        assert payloads == {one.id: one.payload for one in await read_all(subject.store, shape.name)}

    async def test_a_scan_left_early_leaves_the_store_usable(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 10)
        async with aclosing(subject.store.scan(shape.name, Range(), limit=2)) as pages:
            await anext(pages)
        assert await subject.store.count(shape.name) == 10
        assert len(await read_all(subject.store, shape.name)) == len(records)

    async def test_two_scans_run_side_by_side_with_writes(self, subject: Subject):
        shape = await subject.create()
        await subject.fill(shape, 10)
        seen: list[list] = [[], []]
        async with (
            aclosing(subject.store.scan(shape.name, Range(), limit=2)) as one,
            aclosing(subject.store.scan(shape.name, Range(), limit=3)) as two,
        ):
            for _ in range(2):
                for place, pages in enumerate((one, two)):
                    seen[place] += (await anext(pages)).batch.ids
                await subject.store.upsert(shape.name, to_batch(shape, [make_record(shape, seen[0][0], 99)]))
        assert seen[1][:4] == seen[0]

    @pytest.mark.parametrize("count", [0, 1, 2, 40])
    async def test_ranges_cover_everything_once(self, subject: Subject, count: int):
        shape = await subject.create()
        if count:
            await subject.fill(shape, count)
        order = ids_of(await read_all(subject.store, shape.name))
        for parts in (1, 2, 3, 7, 64):
            ranges = await subject.store.split(shape.name, parts)
            assert 1 <= len(ranges) <= parts
            assert ranges[0].lower is None
            assert ranges[-1].upper is None
            assert all(left.upper == right.lower != None for left, right in pairwise(ranges))  # noqa: E711 a chain
            got = [await read_all(subject.store, shape.name, span, content=Content.IDS) for span in ranges]
            assert [record.id for part in got for record in part] == order

    @pytest.mark.parametrize("kind", IdKind)
    async def test_ranges_take_in_what_is_added_later(self, subject: Subject, kind: IdKind):
        requires(kind in subject.capabilities.id_kinds, f"id_kinds: {kind}")
        shape = await subject.create(kind)
        ids = make_ids(kind, 60)
        first = make_records(shape, ids[20:40:2])
        await subject.store.upsert(shape.name, to_batch(shape, first))
        ranges = json.loads(
            json.dumps([[r.lower, r.upper] for r in await subject.store.split(shape.name, 4)])
        )
        later = make_records(shape, ids[:20] + ids[21:40:2] + ids[40:])
        await subject.store.upsert(shape.name, to_batch(shape, later))
        got = [
            record.id
            for lower, upper in ranges
            for record in await read_all(subject.store, shape.name, Range(lower, upper), content=Content.IDS)
        ]
        assert sorted(got, key=natural) == ids
        assert got == ids_of(await read_all(subject.store, shape.name, content=Content.IDS))

    async def test_ranges_are_of_about_equal_size(self, subject: Subject):
        shape = await subject.create()
        await subject.fill(shape, 400)
        ranges = await subject.store.split(shape.name, 4)
        sizes = [len(await read_all(subject.store, shape.name, span, content=Content.IDS)) for span in ranges]
        assert sum(sizes) == 400
        if len(ranges) > 1:
            assert max(sizes) <= 200

    async def test_fetch_leaves_out_what_is_not_there_and_keeps_the_order(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 6)
        absent = make_ids(shape.id.kind, 2, start=1000)
        wanted = [records[4].id, absent[0], records[0].id, absent[1], records[2].id]
        got = await subject.store.fetch(shape.name, wanted)
        assert_same(got.records(), [records[4], records[0], records[2]], shape)
        bare = await subject.store.fetch(shape.name, wanted, content=Content.IDS)
        assert (bare.ids, bare.vectors) == ([records[4].id, records[0].id, records[2].id], {})
        looked_at = await subject.store.fetch(shape.name, wanted, content=Content.PAYLOAD)
        assert looked_at.ids == bare.ids
        assert [dict(one) for one in looked_at.payload] == [dict(one) for one in got.payload]

    async def test_fetch_of_nothing_is_empty(self, subject: Subject):
        shape = await subject.create()
        await subject.fill(shape, 1)
        assert len(await subject.store.fetch(shape.name, [])) == 0
        assert len(await subject.store.fetch(shape.name, make_ids(shape.id.kind, 3, start=500))) == 0

    async def test_a_page_shares_no_memory_with_the_store(self, subject: Subject):
        shape = await subject.create()
        records = await subject.fill(shape, 2)
        batch = await subject.store.fetch(shape.name, ids_of(records))
        for column in batch.vectors.values():
            if column.values.flags.writeable:
                column.values[:] = 0
        batch.payload[0]["label"] = "changed"
        assert_same((await subject.store.fetch(shape.name, ids_of(records))).records(), records, shape)
