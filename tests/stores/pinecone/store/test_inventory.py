"""Pods are scanned by a list of ids that somebody else keeps."""

from __future__ import annotations

import pytest

from tests.conformance.compare import assert_same, ids_of
from tests.conformance.subject import make_records, read_all, to_batch
from vectormigrate.model.errors import ConfigInvalid
from vectormigrate.stores.base import Content, Range

POD = {"environment": "e", "pod_type": "p1.x1", "replicas": 1, "shards": 1}


@pytest.fixture
async def pod(subject, service):
    """A pod index with some records."""
    shape = await subject.create()
    service.index(shape.name).pod = POD
    await subject.store.describe(shape.name)
    records = make_records(shape, [f"{number:03d}" for number in range(25)])
    await subject.store.upsert(shape.name, to_batch(shape, records))
    return shape, records


async def test_ids_of_a_file_are_scanned_in_order(opens, pod, tmp_path):
    shape, records = pod
    path = tmp_path / "ids.txt"
    listed = ["zzz", *ids_of(records)[::-1], "gone", "", "007", "other\tx"]
    path.write_text("\n".join(listed) + "\r\n")
    store = opens(inventory=str(path))
    assert_same(await read_all(store, shape.name, limit=10), records, shape)
    bare = await read_all(store, shape.name, content=Content.IDS)
    assert ids_of(bare) == ids_of(records)
    span = Range(store.cursor_of("004"), store.cursor_of("009"))
    assert ids_of(await read_all(store, shape.name, span)) == ["005", "006", "007", "008", "009"]
    ranges = await store.split(shape.name, 3)
    assert [one for part in ranges for one in ids_of(await read_all(store, shape.name, part))] == ids_of(
        records
    )
    assert await read_all(store, f"{shape.name}/other") == []
    await store.close()


async def test_a_file_that_cannot_be_read_is_told(opens, pod, tmp_path):
    shape, _ = pod
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe")
    for path in (tmp_path / "none", binary):
        store = opens(inventory=str(path))
        with pytest.raises(ConfigInvalid, match=path.name):
            await read_all(store, shape.name)
        await store.close()
