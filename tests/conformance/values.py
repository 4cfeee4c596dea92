"""What leaves is what arrives: payloads and ids."""

from __future__ import annotations

import re
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vectormigrate.model.collection import Field, FieldType, IdKind
from vectormigrate.model.operation import WriteResult
from vectormigrate.stores.base import Range

from .compare import assert_holds, ids_of
from .subject import Subject, make_ids, make_record, read_all, requires, to_batch
from .traps import ARRAYS, EXTENDED, PAYLOADS, VALUES

IDS = {
    IdKind.INT: [0, -1, 1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63)],
    IdKind.UUID: [UUID(int=1), UUID(int=2**128 - 1), UUID("80000000-0000-0000-0000-000000000000")],
    IdKind.TEXT: [
        *("a", "A", "aa", "b", "Z", "z", "0", "10", "2", "-1", "1.0", " a", "a ", "a\tb", "a\nb"),
        *("ä", "a\u0308", "ß", "ss", "\U0001f600", "\U00020000", "\uffee", "I", "i", "\u0131", "İ"),
        *(
            "quote'",
            'double"',
            "back\\slash",
            "per%cent",
            "under_score",
            "{}",
            "[]",
            "$1",
            "?",
            ":x",
            "--",
            ";",
        ),
        *("i:5", "s:5", "null", "NULL", "true", "0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff", "x" * 400, "é" * 100),
    ],
    IdKind.COMPOUND: [("a", 1), ("a", -1), ("A", 1), ("a,1", 1), ('a"', 2**63 - 1), ("é", 0), ("a\\", 0)],
}

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False).map(lambda x: x + 0.0)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


class Values:
    """Equal, of the same type, and a missing key is not a null."""

    @pytest.mark.parametrize("type_", VALUES)
    async def test_declared_values_come_back(self, subject: Subject, type_: FieldType):
        requires(type_ in subject.capabilities.field_types, f"field_types: {type_}")
        shape = await subject.create(fields=[Field("value", type_)])
        values = [*VALUES[type_], None]
        limit = subject.capabilities.max_text_bytes
        if limit is not None:
            values = [value for value in values if not isinstance(value, str) or len(value.encode()) <= limit]
        await _round_trip(subject, shape, [{"value": value} for value in values] + [{}])

    @pytest.mark.parametrize("element", ARRAYS)
    async def test_declared_lists_come_back(self, subject: Subject, element: FieldType):
        requires(FieldType.ARRAY in subject.capabilities.field_types, "field_types: array")
        shape = await subject.create(
            fields=[Field("value", FieldType.ARRAY, element=element, max_length=100)]
        )
        await _round_trip(subject, shape, [{"value": value} for value in [*ARRAYS[element], None]])

    async def test_undeclared_values_come_back(self, subject: Subject):
        requires(subject.capabilities.dynamic, "dynamic")
        shape = await subject.create(fields=[], dynamic=True)
        await _round_trip(subject, shape, PAYLOADS)

    async def test_undeclared_values_of_other_types_come_back(self, subject: Subject):
        requires(subject.capabilities.dynamic, "dynamic")
        shape = await subject.create(fields=[], dynamic=True)
        await _round_trip(subject, shape, EXTENDED)

    async def test_declared_and_undeclared_keys_live_together(self, subject: Subject):
        able = subject.capabilities
        requires(able.dynamic, "dynamic")
        requires(FieldType.TEXT in able.field_types, "field_types: text")
        shape = await subject.create(fields=[Field("label", FieldType.TEXT)], dynamic=True)
        payloads = [{"label": "a", "other": {"label": "b"}}, {"other": 1}, {"label": "", "Label": 2}]
        await _round_trip(subject, shape, payloads)

    async def test_json_values_drawn_at_random_come_back(self, subject: Subject):
        able = subject.capabilities
        requires(able.dynamic or FieldType.JSON in able.field_types, "dynamic, or field_types: json")
        drawn: list = []

        @settings(
            max_examples=60,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(JSON_VALUES)
        def draw(value):
            drawn.append(value)

        draw()
        fields = [] if able.dynamic else [Field("value", FieldType.JSON)]
        shape = await subject.create(fields=fields, dynamic=able.dynamic)
        if not able.dynamic:
            drawn = [value for value in drawn if value is not None]
        await _round_trip(subject, shape, [{"value": value} for value in drawn])

    async def test_a_nul_byte_comes_back_or_is_refused(self, subject: Subject):
        able = subject.capabilities
        requires(FieldType.TEXT in able.field_types or able.dynamic, "field_types: text")
        fields = [Field("label", FieldType.TEXT)] if FieldType.TEXT in able.field_types else []
        shape = await subject.create(fields=fields, dynamic=not fields)
        ids = make_ids(shape.id.kind, 2)
        records = [make_record(shape, ids[0], label="good"), make_record(shape, ids[1], label="a\0b")]
        result = await subject.store.upsert(shape.name, to_batch(shape, records))
        if able.nul_in_text:
            assert result == WriteResult(2)
            await assert_holds(subject.store, shape, records)
        else:
            assert [refusal.id for refusal in result.refused] == [ids[1]]
            await assert_holds(subject.store, shape, records[:1])

    async def test_names_of_fields_are_kept(self, subject: Subject):
        able = subject.capabilities
        requires(FieldType.TEXT in able.field_types, "field_types: text")
        wanted = (
            "dotted.name",
            "with space",
            "Upper",
            "quote'",
            'double"',
            "schlüssel",
            "select",
            "per%cent",
            "a" * 40,
        )
        names = [
            name
            for name in wanted
            if re.fullmatch(able.name_pattern, name) and name not in able.reserved_names
        ]
        shape = await subject.create(fields=[Field(name, FieldType.TEXT) for name in names])
        assert sorted(field.name for field in shape.fields) == sorted(names)
        await _round_trip(subject, shape, [{name: f"value of {name}" for name in names}])

    @pytest.mark.parametrize("kind", IDS)
    async def test_ids_come_back_as_they_are(self, subject: Subject, kind: IdKind):
        able = subject.capabilities
        requires(kind in able.id_kinds, f"id_kinds: {kind}")
        shape = await subject.create(kind)
        ids = [*IDS[kind]]
        if able.max_id_bytes is not None:
            ids = [id_ for id_ in ids if not isinstance(id_, str) or len(id_.encode()) <= able.max_id_bytes]
        if able.ascii_ids:
            ids = [id_ for id_ in ids if str(id_).isascii()]
        records = [make_record(shape, id_, seed) for seed, id_ in enumerate(ids)]
        assert await subject.store.upsert(shape.name, to_batch(shape, records)) == WriteResult(len(ids))
        await assert_holds(subject.store, shape, records)
        assert (await subject.store.fetch(shape.name, ids)).ids == ids
        scanned = ids_of(await read_all(subject.store, shape.name, limit=3))
        assert len(scanned) == len(ids)
        for id_ in ids:
            cursor = subject.store.cursor_of(id_)
            assert subject.store.key_of(cursor) == id_
            rest = ids_of(await read_all(subject.store, shape.name, Range(cursor), limit=50))
            assert rest == scanned[scanned.index(id_) + 1 :]
        assert await subject.store.delete(shape.name, ids[::2]) == WriteResult(len(ids[::2]))
        await assert_holds(subject.store, shape, records[1::2])

    async def test_an_empty_id_is_a_text_or_refused(self, subject: Subject):
        requires(IdKind.TEXT in subject.capabilities.id_kinds, "id_kinds: text")
        shape = await subject.create(IdKind.TEXT)
        records = [make_record(shape, "good", 1), make_record(shape, "", 2)]
        result = await subject.store.upsert(shape.name, to_batch(shape, records))
        await assert_holds(subject.store, shape, records[: result.acknowledged])
        assert result.acknowledged + len(result.refused) == 2

    async def test_an_id_with_a_nul_byte_comes_back_or_is_refused(self, subject: Subject):
        requires(IdKind.TEXT in subject.capabilities.id_kinds, "id_kinds: text")
        shape = await subject.create(IdKind.TEXT)
        records = [
            make_record(shape, "good", 1),
            make_record(shape, "nul\0byte", 2),
            make_record(shape, "nul", 3),
        ]
        result = await subject.store.upsert(shape.name, to_batch(shape, records))
        if not subject.capabilities.nul_in_text:
            assert [refusal.id for refusal in result.refused] == ["nul\0byte"]
            del records[1]
        await assert_holds(subject.store, shape, records)

    async def test_half_a_surrogate_pair_is_refused(self, subject: Subject):
        requires(IdKind.TEXT in subject.capabilities.id_kinds, "id_kinds: text")
        shape = await subject.create(IdKind.TEXT)
        records = [make_record(shape, "half \ud800", 1), make_record(shape, "good", 2)]
        result = await subject.store.upsert(shape.name, to_batch(shape, records))
        assert [refusal.row for refusal in result.refused] == [0]
        await assert_holds(subject.store, shape, records[1:])

    @pytest.mark.parametrize("letter", ["\0", "\ud800"], ids=["nul", "half-a-pair"])
    async def test_a_payload_that_cannot_be_held_is_refused_by_itself(self, subject: Subject, letter: str):
        """Wherever the letter stands: no request fails as a whole, and none ends without a name."""
        requires(subject.capabilities.dynamic, "dynamic")
        shape = await subject.create(dynamic=True)
        strange = [
            {f"key {letter}": 1},
            {"value": f"x{letter}"},
            {"deep": [{"deeper": {f"{letter}": None}}]},
            {"deep": {"list": ["x", [letter]]}},
        ]
        payloads = [{"plain": 1}, *strange, {"plain": 2}]
        ids = make_ids(shape.id.kind, len(payloads))
        records = [
            replace(make_record(shape, one), payload=payload)
            for one, payload in zip(ids, payloads, strict=True)
        ]
        result = await subject.store.upsert(shape.name, to_batch(shape, records))
        refused = [refusal.row for refusal in result.refused]
        if letter == "\ud800" or not subject.capabilities.nul_in_text:
            assert refused == [1, 2, 3, 4]
            assert all(refusal.error.ids for refusal in result.refused)
        held = [record for row, record in enumerate(records) if row not in refused]
        await assert_holds(subject.store, shape, held)

    async def test_partitions_are_kept(self, subject: Subject):
        requires(subject.capabilities.partitions, "partitions")
        shape = await subject.create(partitions=("alpha", "beta"))
        assert set(shape.partitions) >= {"alpha", "beta"}
        records = await subject.fill(shape, 6)
        assert {record.partition for record in records} == {"alpha", "beta"}
        await assert_holds(subject.store, shape, records)
        moved = replace(records[0], partition=records[1].partition)
        await subject.store.upsert(shape.name, to_batch(shape, [moved]))
        await assert_holds(subject.store, shape, [moved, *records[1:]])

    async def test_an_unknown_partition_is_refused(self, subject: Subject):
        requires(subject.capabilities.partitions, "partitions")
        shape = await subject.create(partitions=("alpha",))
        ids = make_ids(shape.id.kind, 2)
        records = [make_record(shape, ids[0]), replace(make_record(shape, ids[1]), partition="nowhere")]
        result = await subject.store.upsert(shape.name, to_batch(shape, records))
        assert [refusal.id for refusal in result.refused] == [ids[1]]


async def _round_trip(subject: Subject, shape, payloads: list[dict]) -> None:
    ids = make_ids(shape.id.kind, len(payloads))
    records = [
        replace(make_record(shape, record_id, seed), payload=payload)
        for seed, (record_id, payload) in enumerate(zip(ids, payloads, strict=True))
    ]
    result = await subject.store.upsert(shape.name, to_batch(shape, records))
    assert result == WriteResult(len(records))
    await assert_holds(subject.store, shape, records)
    fetched = await subject.store.fetch(shape.name, ids)
    assert fetched.ids == ids
