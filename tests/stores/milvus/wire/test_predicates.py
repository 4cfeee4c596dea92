"""What expressions mean: by our own translator, by the filters that every match meets, and by Milvus Lite's answers."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymilvus import DataType

from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind, VectorField
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import And, Compare, Comparison, HasId, In, IsNull, Not, Or, matches
from vectormigrate.stores.milvus.filters import to_expression
from vectormigrate.stores.milvus.wire.expressions import Beyond, parse
from vectormigrate.stores.milvus.wire.native import layout_of
from vectormigrate.stores.milvus.wire.predicates import Bounds, Predicate
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

MODEL = settings(max_examples=60, derandomize=True, database=None, deadline=None)
C = Comparison
SHAPE = CollectionShape(
    "docs",
    IdField("pk", IdKind.INT),
    (VectorField("v", dim=2),),
    (
        Field("n", FieldType.INT),
        Field("must", FieldType.INT, nullable=False),
        Field("x", FieldType.FLOAT),
        Field("label", FieldType.TEXT),
        Field("flag", FieldType.BOOL),
        Field("tags", FieldType.ARRAY, element=FieldType.INT),
        Field("doc", FieldType.JSON),
    ),
    dynamic=True,
)
LAYOUT = layout_of(SHAPE)
WORDS = ["", "a", "ab", "b%", "ü"]


def predicate(text, **words):
    return Predicate(parse(text), LAYOUT, **words)


small = st.integers(-3, 3)
inside = (
    st.none()
    | st.booleans()
    | small
    | st.sampled_from([0.5, 2.0])
    | st.sampled_from(WORDS)
    | st.lists(small, max_size=3)
)
payloads = st.fixed_dictionaries(
    {
        "n": st.none() | small,
        "must": small,
        "x": st.none() | st.sampled_from([-1.5, 0.0, 2.0]),
        "label": st.none() | st.sampled_from(WORDS),
        "flag": st.none() | st.booleans(),
        "tags": st.none() | st.lists(small, max_size=3),
        "doc": st.none() | inside | st.dictionaries(st.sampled_from(["a", "b"]), inside, max_size=2),
    },
    optional={"other": inside},
)

comparisons = st.sampled_from(list(C))
leaves = st.one_of(
    st.builds(Compare, st.sampled_from([("n",), ("must",)]), comparisons, small),
    st.builds(Compare, st.just(("x",)), comparisons, st.sampled_from([-1.5, 0.0, 2.0])),
    st.builds(Compare, st.just(("label",)), comparisons, st.sampled_from(WORDS)),
    st.builds(Compare, st.just(("flag",)), st.sampled_from([C.EQ, C.NE]), st.booleans()),
    st.builds(Compare, st.just(("tags",)), st.sampled_from([C.EQ, C.NE]), small),
    st.builds(
        Compare,
        st.sampled_from([("doc", "a"), ("other",)]),
        st.just(C.EQ),
        st.sampled_from([2, -3, "a", 0.5]),
    ),
    st.builds(In, st.just(("n",)), st.lists(small, min_size=1, max_size=3).map(tuple)),
    st.builds(In, st.just(("tags",)), st.lists(small, min_size=1, max_size=3).map(tuple)),
    st.builds(IsNull, st.sampled_from([("n",), ("label",), ("tags",)])),
    st.builds(HasId, st.lists(small, min_size=1, max_size=3).map(tuple)),
)
filters = st.recursive(
    leaves,
    lambda items: st.one_of(
        st.builds(Not, items),
        st.builds(And, st.lists(items, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(items, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)


@MODEL
@given(filters, small, payloads)
def test_what_the_translator_says_is_read_back(condition, record_id, payload):
    try:
        text = to_expression(condition, SHAPE)
    except Unsupported:  # such as the negation of what is inside JSON
        return
    read = predicate(text)
    wanted = matches(condition, record_id, payload)
    assert read.holds(record_id, payload) is wanted
    superset, exact = read.superset()
    met = matches(superset, record_id, payload)
    assert met >= wanted
    if exact:
        assert met is wanted


PLACES = [
    "n",
    "must",
    "x",
    "label",
    "doc",
    'doc["a"]',
    'doc["b"]',
    "doc[1]",
    "other",
    'other["a"]',
    "tags",
    "tags[0]",
]


def expression(chance: random.Random, depth: int = 2) -> str:
    """Any expression at all about these fields."""
    if depth and chance.random() < 0.5:
        if chance.random() < 0.3:
            return f"not ({expression(chance, depth - 1)})"
        word = chance.choice([" and ", " or "])
        return word.join(f"({expression(chance, depth - 1)})" for _ in range(chance.randint(2, 3)))
    place = chance.choice(PLACES)
    number, word = chance.randint(-3, 3), chance.choice(['""', '"a"', '"ab"'])
    like, true = chance.choice(['"a%"', '"%b"', '"_"']), chance.choice(["true", "false"])
    order = chance.choice(["==", "!=", "<", "<=", ">", ">="])
    return chance.choice(
        [
            f"{place} {order} {chance.choice([number, word])}",
            f"{place} in [{number}, {chance.randint(-3, 3)}]",
            f"{place} not in [{word}]",
            f"{place} like {like}",
            f"{place} is null",
            f"exists {place}",
            f"json_contains({place}, {number})",
            f"json_contains_all({place}, [{number}, 1])",
            f"array_contains_any({place}, [{number}, 2])",
            f"array_length({place}) >= {abs(number)}",
            f"pk {chance.choice(['==', '!=', '<', '>'])} {number}",
            f"flag == {true}",
        ]
    )


@MODEL
@given(st.integers(0, 2**32), st.lists(payloads, min_size=1, max_size=4))
def test_every_match_meets_the_superset_and_no_other_where_it_is_exact(seed, held):
    text = expression(random.Random(seed))
    try:
        read = predicate(text)
    except ExpressionInvalid:
        return
    superset, exact = read.superset()
    for record_id, payload in enumerate(held, -2):
        met, holds = matches(superset, record_id, payload), read.holds(record_id, payload)
        assert met or not holds, (text, superset)
        assert not exact or met is holds, (text, superset)


@MODEL
@given(st.integers(0, 2**32), small, payloads)
def test_bounds_take_nothing_away_and_add_nothing(seed, record_id, payload):
    text = expression(random.Random(seed))
    chained = f"pk > -2 and pk <= 2 and ({text})"
    try:
        whole, bounded = predicate(chained), predicate(chained, ordered=True)
    except ExpressionInvalid:
        return
    lower, upper = bounded.bounds.lower, bounded.bounds.upper
    assert lower is not None
    assert upper is not None
    within = lower < record_id <= upper
    assert whole.holds(record_id, payload) is (within and bounded.holds(record_id, payload))


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("pk > 3", Bounds(3)),
        ("pk >= 3 and n == 1", Bounds(2)),
        ("pk < 3 and 1 < pk", Bounds(1, 2)),
        ("pk <= 3 and pk <= 2 and pk > 0 and pk > 1", Bounds(1, 2)),
        ("pk > 3 or n == 1", Bounds()),
        ("not (pk > 3)", Bounds()),
        ("pk >= -9223372036854775808", Bounds()),
        ("pk > 1.5", Bounds()),
    ],
)
def test_bounds(text, bounds):
    assert predicate(text, ordered=True).bounds == bounds
    assert predicate(text).bounds == Bounds()


def test_bounds_of_texts_are_those_that_a_range_can_say():
    layout = layout_of(CollectionShape("d", IdField("pk", IdKind.TEXT), (VectorField("v", dim=2),)))
    read = Predicate(parse('pk > "b" and pk >= "c" and pk <= "x" and pk < "w"'), layout, ordered=True)
    assert read.bounds == Bounds("b", "x")
    assert [key for key in "bcdwx" if read.holds(key, {})] == ["c", "d"]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("pk in [3, 1, 3]", (3, 1)),
        ("pk == 7", (7,)),
        ("7 == pk", (7,)),
        ("pk in [1] and n == 2", None),
        ("pk not in [1]", None),
        ("n in [1]", None),
    ],
)
def test_listed_keys(text, ids):
    assert predicate(text).ids == ids


@pytest.mark.parametrize(
    "text",
    [
        'n == "1"',
        "n == true",
        "label == 1",
        "flag == 1",
        'pk == "1"',
        "pk in [1, 'x']",
        'n in [1, "x"]',
        "n like 'a%'",
        'array_contains(tags, "a")',
        "array_length(n) == 1",
        "tags == 1",
        'tags["a"] == 1',
        "tags[0][1] == 1",
        'n["a"] == 1',
        "v == 1",
    ],
)
def test_what_does_not_fit_the_collection(text):
    with pytest.raises(ExpressionInvalid):
        predicate(text)


def test_undeclared_keys_want_a_dynamic_collection():
    with pytest.raises(ExpressionInvalid, match="field other not exist"):
        Predicate(parse("other == 1"), layout_of(CollectionShape("d", SHAPE.id, SHAPE.vectors)))


def test_types_that_milvus_alone_compares():
    from vectormigrate.stores.milvus.pb import schema_pb2
    from vectormigrate.stores.milvus.wire.schema import Column, Layout

    when = Column("at", schema_pb2.DataType.Timestamptz)
    layout = Layout("d", LAYOUT.key, False, LAYOUT.vectors, (when,), False, False)
    with pytest.raises(Beyond):
        Predicate(parse('at > "2020-01-01"'), layout)


# As Milvus Lite answers.


def _record(chance, row):
    record = {
        "pk": row,
        "v": [1.0, 0.0],
        "n": chance.choice([None, -2, 0, 1, 3]),
        "must": chance.randint(-3, 3),
        "x": chance.choice([None, -1.5, 0.0, 2.0]),
        "label": chance.choice([None, *WORDS]),
        "flag": chance.choice([None, True, False]),
        "tags": [chance.randint(-3, 3) for _ in range(chance.randint(0, 3))],
        "doc": chance.choice(
            [{}, {"a": 2}, {"a": "ab", "b": [1, 2]}, {"a": None}, {"b": {"a": 1}}, {"a": 0.5}]
        ),
    }
    if chance.random() < 0.6:
        record["other"] = chance.choice([3, "ab", [2, -3], {"a": 2}, 0.5])
    return record


@pytest.fixture
def asked(vendor):
    chance = random.Random(5)
    schema = vendor.create_schema(enable_dynamic_field=True)
    schema.add_field("pk", DataType.INT64, is_primary=True)
    schema.add_field("v", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("n", DataType.INT64, nullable=True)
    schema.add_field("must", DataType.INT64)
    schema.add_field("x", DataType.DOUBLE, nullable=True)
    schema.add_field("label", DataType.VARCHAR, max_length=10, nullable=True)
    schema.add_field("flag", DataType.BOOL, nullable=True)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.INT64, max_capacity=5)
    schema.add_field("doc", DataType.JSON)
    indexes = vendor.prepare_index_params()
    indexes.add_index("v", index_type="FLAT", metric_type="L2")
    vendor.create_collection("predicates", schema=schema, index_params=indexes)
    held = [_record(chance, row) for row in range(60)]
    vendor.insert("predicates", held)

    def ask(text):
        found = {row["pk"] for row in vendor.query("predicates", text, output_fields=["pk"])}
        read = predicate(text)
        mine = {
            record["pk"]
            for record in held
            if read.holds(
                record["pk"], {key: value for key, value in record.items() if key not in ("pk", "v")}
            )
        }
        return mine, found

    yield ask
    vendor.drop_collection("predicates")


def simple(chance, depth=2):
    """Expressions about which Milvus Lite and Milvus agree."""
    if depth and chance.random() < 0.5:
        if chance.random() < 0.3:
            return f"not ({simple(chance, depth - 1)})"
        word = chance.choice([" and ", " or "])
        return word.join(f"({simple(chance, depth - 1)})" for _ in range(2))
    number = chance.randint(-3, 3)
    order = chance.choice(["==", "!=", "<", "<=", ">", ">="])
    like, true = chance.choice(['"a%"', '"%b"', '"_"']), chance.choice(["true", "false"])
    held, nullable = (
        chance.choice([2, 0.5, '"ab"']),
        chance.choice(["n", "label", "flag", 'doc["a"]', "other"]),
    )
    word, place = chance.choice(['"a"', '"b%"', '""']), chance.choice(['doc["b"]', "other"])
    return chance.choice(
        [
            f"{chance.choice(['n', 'must', 'pk'])} {order} {number}",
            f"x {order} {chance.choice([-1.5, 0.5, 2.0])}",
            f"label {order} {word}",
            f"flag == {true}",
            f"must in [{number}, 1]",
            f"must not in [{number}]",
            f"{nullable} is null",
            f"exists {place}",
            f'doc["a"] {order} {held}',
            f'doc["b"]["a"] {order} {number}',
            f'doc["b"][0] == {number}',
            f'$meta["other"] {order} {held}',
            f"array_contains(tags, {abs(number)})",
            f"array_contains_all(tags, [{abs(number)}, 1])",
            f"array_contains_any(tags, [{abs(number)}, 2])",
            f"array_length(tags) {order} {abs(number)}",
            f'json_contains(doc["b"], {abs(number)})',
            f"label like {like}",
        ]
    )


def test_milvus_lite_finds_the_same(asked):
    chance = random.Random(11)
    for _ in range(100):
        text = simple(chance)
        mine, found = asked(text)
        assert mine == found, text
