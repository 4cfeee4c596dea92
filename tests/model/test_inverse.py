"""A mapping backwards: for every plan that has a way back, records come back as they were, and filters mean the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.compare import same_value
from tests.model.values import moments, text, values
from vectormigrate.model.batch import Batch, dense_column
from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
)
from vectormigrate.model.edits import Edit, Redaction
from vectormigrate.model.errors import MappingRefused, StoreBroken, Unsupported
from vectormigrate.model.filter import (
    And,
    Compare,
    Comparison,
    Exists,
    HasId,
    In,
    IsNull,
    Native,
    Not,
    Or,
    matches,
)
from vectormigrate.model.inverse import Inverse, obstacles
from vectormigrate.model.layout import LayoutPlan
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.model.query import Query
from vectormigrate.model.selection import Selection
from vectormigrate.stores.memory import CAPABILITIES

VECTOR = VectorField("v", dim=2, element=Element.FLOAT16, metric=Metric.COSINE)
UUID_1 = UUID(int=1)
BY_TYPE = {
    FieldType.BOOL: st.booleans(),
    FieldType.INT: st.integers(-3, 3),
    FieldType.FLOAT: st.floats(allow_nan=False),
    FieldType.TEXT: text,
    FieldType.BYTES: st.binary(max_size=4),
    FieldType.DECIMAL: st.decimals(allow_nan=False),
    FieldType.DATETIME: moments.filter(lambda moment: moment.tzinfo is not None),
    FieldType.DATETIME_NAIVE: moments.filter(lambda moment: moment.tzinfo is None),
    FieldType.DATE: st.dates(),
    FieldType.TIME: st.times(),
    FieldType.UUID: st.sampled_from([UUID_1, UUID(int=2)]),
    FieldType.JSON: st.dictionaries(st.sampled_from("kl"), st.none() | st.integers(0, 2), max_size=2)
    | st.lists(st.integers(0, 2), max_size=2)
    | st.text("ab", max_size=1),
    FieldType.ANY: values,
}
NAMES = "abcxy"
"""Fields, keys that nobody declared, and what either may be renamed to."""


@st.composite
def mappings(draw):
    """A source and a plan of it that has a way back."""
    types = draw(st.dictionaries(st.sampled_from(NAMES[:3]), st.sampled_from([*BY_TYPE]), max_size=3))
    fields = tuple(Field(name, of) for name, of in types.items())
    kind = draw(st.sampled_from([IdKind.INT, IdKind.UUID, IdKind.TEXT]))
    spread = ("s",) if draw(st.booleans()) else ()
    fields += tuple(Field(name, FieldType.JSON) for name in spread)
    source = CollectionShape(
        "docs", IdField("id", kind), (VECTOR,), fields, dynamic=not spread and draw(st.booleans())
    )
    held = draw(st.sets(st.sampled_from([*BY_TYPE]))) | {
        draw(st.sampled_from([FieldType.JSON, FieldType.TEXT]))
    }
    capabilities = replace(
        CAPABILITIES,
        field_types=frozenset(held),
        elements=frozenset({draw(st.sampled_from([Element.FLOAT16, Element.FLOAT32]))}),
        id_kinds=frozenset({draw(st.sampled_from([kind, IdKind.TEXT]))}),
    )
    renamed = draw(st.dictionaries(st.sampled_from([*types, "v"]), st.sampled_from("xyz"), max_size=2))
    options = MappingOptions(rename=renamed, spread=spread)
    plan = make_plan(source, capabilities, "copy", None, options)
    try:
        plan.check()
    except MappingRefused:
        plan = make_plan(source, CAPABILITIES, "copy", None, options)
    return source, plan, capabilities


@st.composite
def records(draw, source):
    """Some records of a source, which keep to its declarations."""
    kinds = {IdKind.INT: st.integers(0, 9), IdKind.UUID: st.uuids(), IdKind.TEXT: text}
    ids = draw(st.lists(kinds[source.id.kind], unique=True, min_size=1, max_size=3))
    declared = {one.name: st.none() | BY_TYPE[one.type] for one in source.fields if one.name != "s"}
    loose = {name: values for name in NAMES if name not in declared} if source.dynamic else {}
    payloads = [draw(st.fixed_dictionaries({}, optional={**declared, **loose})) for _ in ids]
    if source.field_named("s"):
        for payload in payloads:
            inner = draw(st.dictionaries(st.sampled_from("abkl"), st.integers(0, 2), max_size=2))
            if inner:
                payload["s"] = inner
    numbers = [np.array([row, 1.5], np.float16) for row in range(len(ids))]
    return Batch(ids, {"v": dense_column(numbers, width=2, dtype=np.dtype(np.float16))}, payloads)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_what_was_carried_over_comes_back_as_it_was(data):
    source, plan, capabilities = data.draw(mappings())
    assert obstacles(plan, source) == []
    batch = data.draw(records(source))
    there = Translator(plan, capabilities)(batch)
    refused = {row for row, _ in there.refused}
    rows = [row for row in range(len(batch)) if row not in refused]
    wanted, back = batch.take(rows), Inverse(plan, source).batch(there.batch)
    assert back.ids == wanted.ids
    for here, again in zip(wanted.payload, back.payload, strict=True):
        assert same_value(here, again), (here, again)
    if rows:
        assert back.vectors["v"].values.dtype == np.float16
        assert np.array_equal(back.vectors["v"].values, wanted.vectors["v"].values)


leaf_values = st.one_of(*BY_TYPE.values()) | st.sampled_from(["", str(UUID_1), None, [1], {"k": 1}])
paths = st.sampled_from([(name,) for name in "abcxyzs"] + [("s", "k"), ("s", "a"), ("a", "k"), ("x", "k")])
filters = st.recursive(
    st.builds(Compare, paths, st.sampled_from(Comparison), leaf_values)
    | st.builds(In, paths, st.lists(leaf_values, max_size=2).map(tuple))
    | st.builds(Exists, paths)
    | st.builds(IsNull, paths),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(And, st.lists(inner, max_size=2).map(tuple))
        | st.builds(Or, st.lists(inner, max_size=2).map(tuple))
    ),
    max_leaves=3,
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_translated_filter_finds_the_same_records(data):
    source, plan, capabilities = data.draw(mappings())
    batch = data.draw(records(source))
    condition = data.draw(filters)
    there = Translator(plan, capabilities)(batch)
    refused = {row for row, _ in there.refused}
    rows = [row for row in range(len(batch)) if row not in refused]
    inverse = Inverse(plan, source)
    try:
        translated = inverse.filter(condition)
    except Unsupported:
        return  # never wrong, sometimes unanswered
    for row, target_id, payload in zip(rows, there.batch.ids, there.batch.payload, strict=True):
        here = matches(condition, batch.ids[row], batch.payload[row])
        assert matches(translated, target_id, payload) == here, (translated, batch.payload[row], payload)


# What exactly.


def plan_of(*fields, kind=IdKind.INT, capabilities=CAPABILITIES, dynamic=False, vectors=(VECTOR,), **options):
    source = CollectionShape("docs", IdField("id", kind), vectors, fields, dynamic=dynamic)
    plan = make_plan(source, capabilities, "copy", None, MappingOptions(**options))
    return source, plan


def inverse_of(*fields, **options):
    source, plan = plan_of(*fields, **options)
    return Inverse(plan, source)


TEXTS = replace(CAPABILITIES, field_types=frozenset({FieldType.TEXT}), id_kinds=frozenset({IdKind.TEXT}))
A = Field("a", FieldType.INT)


def test_what_was_left_behind_bars_the_way_back():
    source, plan = plan_of(A, Field("b", FieldType.TEXT), drop=("a",))
    assert obstacles(plan, source) == ["'a' is left behind"]
    source, plan = plan_of(drop=("v",))
    assert obstacles(plan, source) == ["'v' is left behind"]
    source, plan = plan_of(A)
    assert obstacles(plan, source) == []


def test_fields_that_were_mixed_bar_the_way_back():
    two = (Field("s", FieldType.JSON), Field("t", FieldType.JSON))
    source, plan = plan_of(*two, spread=("s", "t"))
    assert obstacles(plan, source) == ["more than one field is spread: whose a key was cannot be told"]
    source, plan = plan_of(two[0], spread=("s",), dynamic=True)
    (only,) = obstacles(plan, source)
    assert "undeclared keys" in only


def test_records_that_are_not_ours_are_left_out():
    inverse = inverse_of(kind=IdKind.UUID, capabilities=TEXTS)
    column = dense_column(
        [np.full(2, row, np.float16) for row in range(3)], width=2, dtype=np.dtype(np.float16)
    )
    back = inverse.batch(
        Batch(["x", str(UUID_1), str(UUID_1).upper()[:-1] + "A"], {"v": column}, [{}, {}, {}])
    )
    assert (back.ids, back.vectors["v"].values.tolist()) == ([UUID_1], [[1, 1]])
    assert (inverse.source_id("x"), inverse.source_id(str(UUID_1))) == (None, UUID_1)
    assert inverse.target_id(UUID_1) == str(UUID_1)


def test_vectors_of_the_target_alone_are_no_vectors_of_the_source():
    inverse = inverse_of()
    column = dense_column([np.ones(2, np.float16)], width=2, dtype=np.dtype(np.float16))
    assert list(inverse.batch(Batch([1], {"v": column, "other": column}, [{}])).vectors) == ["v"]


def test_an_empty_column_that_the_source_never_had_is_no_key():
    source, plan = plan_of(dynamic=True)
    plan = replace(plan, target=replace(plan.target, fields=(Field("extra", FieldType.TEXT),)))
    inverse = Inverse(plan, source)
    assert inverse.payload({"extra": None, "loose": None}, 1) == {"loose": None}
    assert inverse.payload({"extra": "x"}, 1) == {"extra": "x"}
    with pytest.raises(Unsupported):
        inverse.filter(Exists(("extra",)))


def test_a_value_that_cannot_be_read_back_is_an_error_of_the_store():
    inverse = inverse_of(Field("d", FieldType.DECIMAL), capabilities=TEXTS)
    assert inverse.payload({"d": "1.50"}, 1) == {"d": Decimal("1.50")}
    assert inverse.payload({"d": None}, 1) == {"d": None}
    with pytest.raises(StoreBroken, match="'d' of the target"):
        inverse.payload({"d": "many"}, 1)


def test_a_search_goes_to_the_vector_of_the_other_name():
    inverse = inverse_of(A, rename={"v": "w", "a": "x"})
    query = Query(np.ones(2), "v", 3, Compare(("a",), Comparison.GT, 1))
    asked = inverse.query(query)
    assert (asked.using, asked.limit, asked.filter) == ("w", 3, Compare(("x",), Comparison.GT, 1))
    with pytest.raises(Unsupported, match="no vector 'w'"):
        inverse.query(replace(query, using="w"))


def test_a_field_of_another_name_is_compared_in_every_way():
    inverse = inverse_of(A, rename={"a": "x"})
    for comparison in Comparison:
        assert inverse.filter(Compare(("a",), comparison, 1)) == Compare(("x",), comparison, 1)
    assert inverse.filter(In(("a",), (1, 2))) == In(("x",), (1, 2))
    assert inverse.filter(In(("a",), ())) == Or(())
    assert inverse.filter(IsNull(("a",))) == IsNull(("x",))


def test_a_key_that_is_another_fields_name_over_there_is_not_asked_for():
    inverse = inverse_of(A, rename={"a": "x"}, dynamic=True)
    for condition in (Compare(("x",), Comparison.EQ, 1), IsNull(("x",)), Exists(("x",)), In(("x",), (1,))):
        with pytest.raises(Unsupported):
            inverse.filter(condition)
    assert inverse.filter(Exists(("y", "z"))) == Exists(("y", "z"))


def test_ids_are_told_by_their_other_names():
    inverse = inverse_of(kind=IdKind.UUID, capabilities=TEXTS)
    assert inverse.filter(Not(And((HasId((UUID_1,)), Or(()))))) == Not(And((HasId((str(UUID_1),)), Or(()))))


def test_converted_values_are_compared_only_where_equality_is_kept():
    inverse = inverse_of(Field("u", FieldType.UUID), Field("d", FieldType.DECIMAL), capabilities=TEXTS)
    assert inverse.filter(Compare(("u",), Comparison.NE, UUID_1)) == Compare(
        ("u",), Comparison.NE, str(UUID_1)
    )
    for path, comparison, value in [
        ("u", Comparison.GT, UUID_1),
        ("u", Comparison.EQ, str(UUID_1)),  # text is no UUID at the source
        ("u", Comparison.EQ, 5),
        ("d", Comparison.EQ, Decimal(1)),  # 1.0 is another text
    ]:
        with pytest.raises(Unsupported):
            inverse.filter(Compare((path,), comparison, value))


def test_what_is_inside_of_a_text_is_not_asked_for():
    inverse = inverse_of(Field("j", FieldType.JSON), capabilities=TEXTS)
    for condition in (IsNull(("j", "k")), Compare(("j", "k"), Comparison.EQ, 1)):
        with pytest.raises(Unsupported):
            inverse.filter(condition)


def test_what_was_left_behind_or_spread_is_not_asked_for():
    spread = inverse_of(A, Field("s", FieldType.JSON), spread=("s",))
    assert spread.filter(Compare(("s", "k"), Comparison.EQ, 1)) == Compare(("k",), Comparison.EQ, 1)
    for path in [("s",), ("k",), ("s", "a")]:
        with pytest.raises(Unsupported):
            spread.filter(Compare(path, Comparison.EQ, 1))
    with pytest.raises(Unsupported, match="left behind"):
        inverse_of(A, drop=("a",)).filter(Compare(("a",), Comparison.EQ, 1))


def test_a_vendors_own_words_pass_only_where_everything_has_its_name():
    native = Native("qdrant", {"must": []})
    query = Query(np.zeros(0), "", 7, native, words=Native("weaviate", b"word"))
    assert inverse_of(A).filter(native) == native
    assert inverse_of(A).query(query).words == query.words
    for other in ({"rename": {"a": "x"}}, {"rename": {"v": "w"}}, {"capabilities": TEXTS}):
        inverse = inverse_of(Field("a", FieldType.UUID), kind=IdKind.TEXT, **other)
        with pytest.raises(Unsupported):
            inverse.filter(native)
        with pytest.raises(Unsupported, match="only weaviate"):
            inverse.query(replace(query, filter=None))


def test_words_that_hang_on_how_a_collection_is_configured():
    words = Native("milvus", ("a == b", {}), alike=True)
    source, plan = plan_of(A)
    assert Inverse(plan, source).filter(words) == words
    configured = replace(source, native={"milvus": {"analyzer": "english"}})
    same = replace(plan, target=replace(plan.target, native=configured.native))
    assert Inverse(same, configured).filter(words) == words
    key = replace(plan, target=replace(plan.target, id=replace(plan.target.id, name="another")))
    for other in (Inverse(plan, configured), Inverse(key, source)):
        assert other.filter(replace(words, alike=False))
        with pytest.raises(Unsupported, match="only milvus"):
            other.filter(words)
    hashed = inverse_of(
        A, kind=IdKind.TEXT, capabilities=replace(CAPABILITIES, id_kinds=frozenset({IdKind.UUID}))
    )
    with pytest.raises(Unsupported, match="only milvus"):
        hashed.filter(words)


class TestStages:
    """Edits and layouts backwards, and what can be asked through them."""

    SOURCE = CollectionShape(
        "docs", IdField("id", IdKind.TEXT), (), (Field("n", FieldType.INT),), dynamic=True
    )

    def inverse(self, layout=None, **options):
        plan = make_plan(self.SOURCE, CAPABILITIES, "copy", options=MappingOptions(**options), layout=layout)
        return plan, Inverse(plan, self.SOURCE)

    def test_records_come_back_in_the_layout_of_the_source(self):
        plan, inverse = self.inverse(LayoutPlan("langchain:qdrant", "langchain:milvus"))
        payloads = [
            {"page_content": "a", "metadata": {"k": 1}},
            {"page_content": "b", "metadata": {}, "x": 5},
        ]
        there = Translator(plan, CAPABILITIES)(Batch(["1", "2"], payload=payloads)).batch
        assert there.payload[0] == {"text": "a", "k": 1}
        assert inverse.batch(there).payload == payloads

    def test_filters_follow_the_layout(self):
        _, inverse = self.inverse(LayoutPlan("langchain:qdrant", "langchain:pinecone"))
        asked = Compare(("metadata", "k"), Comparison.GT, 1)
        assert inverse.filter(asked) == Compare(("k",), Comparison.GT, 1)
        assert inverse.filter(IsNull(("metadata", "k"))) == IsNull(("k",))
        assert inverse.filter(Exists(("metadata", "k"))) == Exists(("k",))
        with pytest.raises(Unsupported):
            inverse.filter(Exists(("metadata",)))

    def test_filters_look_for_edited_values(self):
        _, inverse = self.inverse(edits=(Edit("n", FieldType.TEXT),))
        assert inverse.filter(Compare(("n",), Comparison.EQ, 5)) == Compare(("n",), Comparison.EQ, "5")
        with pytest.raises(Unsupported):
            inverse.filter(Compare(("n",), Comparison.GT, 5))

    @pytest.mark.parametrize(
        "condition", [Compare(("x", "k"), Comparison.EQ, "5"), Exists(("x", "k")), IsNull(("x", "k"))]
    )
    @pytest.mark.parametrize(
        "edit",
        [
            Edit("x", redact=Redaction.HASH),
            Edit("x", redact=Redaction.CONSTANT, constant="*"),
            Edit("x", FieldType.JSON),
        ],
    )
    def test_nobody_looks_into_an_edited_value(self, edit, condition):
        """A value within was hashed or cast like the whole one, and nothing was found by it."""
        _, inverse = self.inverse(edits=(edit,))
        with pytest.raises(Unsupported, match="cannot be looked into"):
            inverse.filter(condition)

    def test_edits_are_undone_where_they_can_be(self):
        plan, inverse = self.inverse(edits=(Edit("n", FieldType.TEXT),))
        there = Translator(plan, CAPABILITIES)(Batch(["1"], payload=[{"n": 5}])).batch
        assert (there.payload, inverse.batch(there).payload) == ([{"n": "5"}], [{"n": 5}])
        assert obstacles(plan, self.SOURCE) == []

    def test_what_cannot_be_undone_bars_the_way_back(self):
        plan, _ = self.inverse(edits=(Edit("x", default=1),), selection=Selection({"field": "n", "eq": 1}))
        assert obstacles(plan, self.SOURCE) == [
            "only some of the records are moved",
            "'x' has a default: whether it stood there cannot be told",
        ]
