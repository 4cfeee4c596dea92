"""The port: pages that lose nothing, searches answered here, and the small promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pymilvus import DataType, Function, FunctionType

from tests.conformance.compare import assert_holds, assert_same
from tests.conformance.subject import Subject, make_ids, make_record, make_records, to_batch
from vectormigrate.model.collection import Field, FieldType, IdKind, Metric, VectorIndex
from vectormigrate.model.errors import ShapeMismatch, Unsupported
from vectormigrate.model.filter import And, Compare, Comparison, Exists, Native
from vectormigrate.model.query import Query
from vectormigrate.stores.base import Content, Endpoint, Range
from vectormigrate.stores.milvus import open_store
from vectormigrate.stores.milvus.store import port
from vectormigrate.stores.milvus.store.link import Link
from vectormigrate.stores.milvus.wire.native import schema_of
from vectormigrate.stores.milvus.wire.server import MAX_WINDOW


async def pages(store, name, limit, lower=None):
    return [page async for page in store.scan(name, Range(lower), limit=limit)]


@pytest.mark.parametrize("kind", [IdKind.TEXT, IdKind.INT])
async def test_pages_lose_nothing_after_upserts_of_flushed_rows(subject, vendor, kind):
    """The trap of Milvus Lite: rows written again lie in a later segment, and a plain limit cuts by segments."""
    shape = await subject.create(kind)
    records = make_records(shape, make_ids(kind, 300))
    await subject.store.upsert(shape.name, to_batch(shape, records))
    vendor.flush(shape.name)
    again = [make_record(shape, record.id, 1000 + place) for place, record in enumerate(records[:200:3])]
    await subject.store.upsert(shape.name, to_batch(shape, again))
    vendor.flush(shape.name)
    records[:200:3] = again
    fewest = f"key > {records[0].id!r}".replace("'", '"')
    plain = [row["key"] for row in vendor.query(shape.name, fewest, ["key"], limit=20)]
    assert plain != [record.id for record in records[1:21]], "the trap is gone: iterator=True may go as well"
    got = await pages(subject.store, shape.name, 20)
    assert_same([record for page in got for record in page.batch.records()], records, shape)
    for page in got:
        after = records.index(next(record for record in records if record.id == page.batch.ids[-1])) + 1
        rest = await pages(subject.store, shape.name, 1000, page.cursor)
        assert [id_ for page in rest for id_ in page.batch.ids] == [record.id for record in records[after:]]


async def test_a_store_in_a_file_is_for_one_process_and_has_no_strays(tmp_path):
    endpoint = Endpoint("milvus", str(tmp_path / "x.db"))
    async with Subject(lambda: open_store(endpoint)).running() as subject:
        assert not subject.capabilities.multi_process
        assert await subject.store.settle() == 0.0
        shape = await subject.create()
        records = await subject.fill(shape, 3)
        await subject.store.finish_load(shape)
        subject.made.clear()
    async with open_store(endpoint) as again:
        await assert_holds(again, shape, records)


async def test_settling_takes_the_quarantine_of_the_endpoint(milvus_url):
    for options, seconds in (({}, 60.0), ({"quarantine": "7.5"}, 7.5)):
        async with open_store(Endpoint("milvus", milvus_url, options=options)) as store:
            assert await store.settle() == seconds


async def test_the_same_database_has_one_identity(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {
        open_store(Endpoint("milvus", url, options=options)).identity()
        for url, options in (
            ("./x.db", {}),
            (str(tmp_path / "x.db"), {}),
            ("http://h", {}),
            ("http://h:19530", {}),
            ("http://h", {"database": "other"}),
        )
    }
    assert len(names) == 3


async def test_info_names_the_server(subject, milvus_url):
    info = await subject.store.info()
    assert info.details["server"] == "milvus lite"
    assert info.details["address"] in milvus_url


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT, Metric.EUCLID])
async def test_the_index_answers_as_an_exact_search_does(subject, metric):
    vector = subject.vector(dim=8, metric=metric)
    vector = replace(vector, index=VectorIndex("hnsw", {"m": 8, "ef_construction": 64}))
    shape = await subject.create(vectors=[vector])
    records = await subject.fill(shape, 60)
    wanted = replace(shape, vectors=(vector,))
    await subject.store.finish_load(wanted)
    described = await subject.store.describe(shape.name)
    assert described.vectors[0].index == vector.index
    asked = make_record(shape, records[0].id, seed=77).dense["vec"]
    answers = [
        await subject.store.query(shape.name, Query(asked, "vec", limit=5, exact=exact, with_record=True))
        for exact in (False, True)
    ]
    assert [match.id for match in answers[0]] == [match.id for match in answers[1]]
    scores = [[match.score for match in answer] for answer in answers]
    np.testing.assert_allclose(scores[0], scores[1], rtol=1e-5)
    assert answers[0][0].record is not None
    assert answers[0][0].record.id == answers[0][0].id


@pytest.mark.parametrize("named", [10_000, 3], ids=["by ids", "here"])
async def test_a_filter_that_milvus_cannot_say_is_applied_here(subject, monkeypatch, named):
    monkeypatch.setattr(port, "_NAMED", named)
    read = []
    select = subject.store.select

    def selected(*args, **words):
        read.append(words["content"])
        return select(*args, **words)

    monkeypatch.setattr(subject.store, "select", selected)
    shape = await subject.create(fields=[], dynamic=True)
    records = make_records(shape, make_ids(shape.id.kind, 30))
    records = [replace(record, payload=_sparse_payload(n)) for n, record in enumerate(records)]
    await subject.store.upsert(shape.name, to_batch(shape, records))
    await subject.store.finish_load(shape)
    asked = np.ones(4, np.float32)
    for condition, wanted in (
        (Exists(("a",)), {n for n in range(30) if n % 3 == 0}),
        (Compare(("a",), Comparison.GT, 12), {15, 18, 21, 24, 27}),
    ):
        got = await subject.store.query(shape.name, Query(asked, "vec", limit=30, filter=condition))
        assert {match.id for match in got} == {records[n].id for n in wanted}
        assert [match.score for match in got] == sorted(match.score for match in got)
    nobody = Query(asked, "vec", filter=Exists(("b",)))
    assert await subject.store.query(shape.name, nobody) == []
    assert set(read) == {Content.PAYLOAD}, "vectors are read to be looked at"


async def test_a_query_of_another_dimension_names_both(subject):
    shape = await subject.create()
    with pytest.raises(ShapeMismatch, match="4 dimensions and the query 5"):
        await subject.store.query(shape.name, Query(np.ones(5, np.float32), "vec"))


def _sparse_payload(n):
    return {"a": n} if n % 3 == 0 else {}


async def _selected(store, name, where, **words):
    return [record_id async for page in store.select(name, where, **words) for record_id in page.batch.ids]


@pytest.fixture
async def numbered(subject):
    """Forty records with a number each."""
    shape = await subject.create(
        IdKind.INT, fields=[Field("n", FieldType.INT), Field("word", FieldType.TEXT)], partitions=("p",)
    )
    batch = to_batch(shape, make_records(shape, list(range(40))))
    rows = [{"n": row, "word": f"w{row}"} for row in range(40)]
    partition = ["p" if row % 2 else None for row in range(40)]
    result = await subject.store.upsert(shape.name, replace(batch, payload=rows, partition=partition))
    assert result.refused == ()
    return shape


@pytest.mark.parametrize("content", Content)
@pytest.mark.parametrize(
    ("where", "found"),
    [
        (Native("milvus", ("n > 30 and word like 'w3%'", {})), list(range(31, 40))),
        (Native("milvus", ("n in [3, 5]", {})), [3, 5]),
        (Compare(("n",), Comparison.LT, 3), [0, 1, 2]),
        (And((Compare(("n",), Comparison.LT, 3), Exists(("word",)))), [0, 1, 2]),
    ],
    ids=["native", "native in", "translated", "looked at"],
)
async def test_what_matches_is_selected_page_by_page(subject, numbered, where, found, content):
    store = subject.store
    assert await _selected(store, numbered.name, where, limit=4, content=content) == found
    behind = Range(store.cursor_of(found[0]))
    assert await _selected(store, numbered.name, where, span=behind, content=content) == found[1:]


async def test_selected_records_are_whole(subject, numbered):
    where = Native("milvus", ("n == 7", {}))
    [page] = [page async for page in subject.store.select(numbered.name, where)]
    assert page.batch.payload == [{"n": 7, "word": "w7"}]
    assert page.batch.partition == ["p"]


async def test_words_of_another_vendor_are_not_milvus(subject, numbered):
    with pytest.raises(Unsupported):
        await _selected(subject.store, numbered.name, Native("qdrant", {}))


async def test_aliases_are_told(subject, vendor, numbered):
    vendor.create_alias(numbered.name, "another_name")
    try:
        assert (await subject.store.aliases())["another_name"] == numbered.name
        for name in (numbered.name, "another_name"):
            assert await subject.store.aliases(name) == {"another_name": numbered.name}
        assert await subject.store.aliases("not_there") == {}
        shape = await subject.store.describe(numbered.name)
        assert shape.native["milvus"]["aliases"] == ["another_name"]
    finally:
        vendor.drop_alias("another_name")


async def test_an_alias_is_given_and_goes_with_its_collection(subject, numbered):
    await subject.store.add_alias("by_another_name", numbered.name)
    assert (await subject.store.aliases())["by_another_name"] == numbered.name
    assert await subject.store.count("by_another_name") == 40
    await subject.store.drop(numbered.name)
    assert "by_another_name" not in await subject.store.aliases()


async def test_a_shape_carries_the_schema_to_the_letter(subject, numbered):
    shape = await subject.store.describe(numbered.name)
    assert [field.name for field in schema_of(shape).fields][:1] == [numbered.id.name]
    assert shape == await subject.store.describe(numbered.name)


WORDS = "worded"


@pytest.fixture
def worded(vendor):
    """A collection that is searched for words: Milvus makes a sparse vector of each text."""
    made = vendor.create_schema()
    made.add_field("id", DataType.VARCHAR, max_length=20, is_primary=True)
    made.add_field("v", DataType.FLOAT_VECTOR, dim=2)
    made.add_field("t", DataType.VARCHAR, max_length=100, enable_analyzer=True)
    made.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    made.add_function(Function("bm25", FunctionType.BM25, ["t"], ["sparse"]))
    indexes = vendor.prepare_index_params()
    indexes.add_index("v", index_type="FLAT", metric_type="L2")
    indexes.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    vendor.drop_collection(WORDS)
    vendor.create_collection(WORDS, schema=made, index_params=indexes, consistency_level="Strong")
    vendor.insert(WORDS, [{"id": f"{n}", "v": [n, 1.0], "t": f"word{n} and more"} for n in range(3)])
    yield vendor
    vendor.drop_collection(WORDS)


async def test_a_collection_that_is_searched_for_words_is_read_without_what_milvus_makes_of_them(
    subject, worded
):
    shape = await subject.store.describe(WORDS)
    assert [one.name for one in shape.vectors] == ["v"]
    [page] = await pages(subject.store, WORDS, 10)
    assert [list(record.dense) + list(record.sparse) for record in page.batch.records()] == [["v"]] * 3
    assert shape.native["milvus"]["computed"] == {"sparse": "t"}
    assert [record.payload for record in page.batch.records()] == [
        {"t": f"word{n} and more"} for n in range(3)
    ]


async def test_what_is_written_into_a_collection_that_is_searched_for_words_is_found_by_them(subject, worded):
    [page] = await pages(subject.store, WORDS, 10)
    [first, *_] = page.batch.records()
    new = replace(first, id="new", payload={"t": "something else"})
    shape = await subject.store.describe(WORDS)
    assert not (await subject.store.upsert(WORDS, to_batch(shape, [new]))).refused
    [found] = worded.search(WORDS, data=["something"], anns_field="sparse", limit=5)
    assert [hit["id"] for hit in found] == ["new"]


async def test_no_page_is_asked_for_by_a_count_which_milvus_answers_up_to_its_window_only(
    subject, monkeypatch
):
    shape = await subject.create(IdKind.INT)
    records = await subject.fill(shape, 25)
    asked, call = [], Link.call

    def noted(self, method, message, *more):
        if method == "Query":
            asked.append({pair.key: pair.value for pair in message.query_params})
        return call(self, method, message, *more)

    monkeypatch.setattr(Link, "call", noted)
    got = [id_ for page in await pages(subject.store, shape.name, 10) for id_ in page.batch.ids]
    assert got == [record.id for record in records]
    limits = [int(params["limit"]) for params in asked if "limit" in params]
    assert limits
    assert max(limits) <= MAX_WINDOW
    assert not any(int(params.get("offset", 0)) for params in asked)
