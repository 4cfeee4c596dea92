"""Which rule for which keys, and that every rule is one to one."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vectormigrate.model.collection import IdField, IdKind
from vectormigrate.model.errors import MappingRefused, RecordRefused, UsageError
from vectormigrate.model.identity import (
    IdRule,
    check_fits,
    check_namable,
    choose_rule,
    misfit,
    native,
    own,
    plainly_fit,
    read_id,
    surrogate,
    target_kind,
    to_source,
    to_target,
)
from vectormigrate.stores.memory import CAPABILITIES

from .values import scalar_ids, text

MODEL = settings(max_examples=80, derandomize=True, database=None, deadline=None)
PARTS = (IdField("a", IdKind.TEXT), IdField("b", IdKind.INT))
OF_RULE = {
    IdRule.SAME: scalar_ids,
    IdRule.UUID_TEXT: st.uuids(),
    IdRule.INT_TEXT: st.integers(-(2**63), 2**63 - 1),
    IdRule.MIXED_TEXT: st.integers(0, 2**64 - 1) | st.uuids(),
    IdRule.TEXT_MIXED: text | (st.integers(0, 2**64) | st.uuids()).map(str),
    IdRule.INT_MIXED: st.integers(-(2**63), 2**63 - 1),
    IdRule.INT_UUID: st.integers(-(2**63), 2**63 - 1),
    IdRule.MIXED_UUID: st.integers(0, 2**64 - 1) | st.uuids(),
    IdRule.SURROGATE: scalar_ids,
    IdRule.COMPOUND_TEXT: st.lists(scalar_ids, min_size=1, max_size=3).map(tuple),
}


def key(kind: IdKind, parts: tuple[IdField, ...] = PARTS, **more) -> IdField:
    return IdField("key", kind, parts=parts if kind is IdKind.COMPOUND else (), **more)


@pytest.mark.parametrize("rule", IdRule)
def test_every_rule_is_inverted(rule):
    @MODEL
    @given(OF_RULE[rule])
    def inverted(record_id):
        source = to_source(rule, to_target(rule, record_id))
        assert source == record_id
        assert type(source) is type(record_id)

    inverted()


@pytest.mark.parametrize("rule", sorted(set(IdRule) - {IdRule.SAME}))
def test_an_id_that_the_rule_did_not_make_is_not_ours(rule):
    @MODEL
    @given(text)
    def foreign(target_id):
        source = to_source(rule, target_id)
        assert source is None or to_target(rule, source) == target_id

    foreign()
    for stranger in (
        5,
        UUID(int=1),
        "x",
        "05",
        "1_0",
        " 5",
        "0B0E7A3E-5B1C-4C8E-9C1D-AABBCCDDEEFF",
        "9" * 5000 + "x",
    ):
        source = to_source(rule, stranger)
        assert source is None or to_target(rule, source) == stranger


@pytest.mark.parametrize(
    ("source", "target", "rule"),
    [
        (IdKind.INT, IdKind.INT, IdRule.SAME),
        (IdKind.INT, IdKind.TEXT, IdRule.INT_TEXT),
        (IdKind.UUID, IdKind.TEXT, IdRule.UUID_TEXT),
        (IdKind.COMPOUND, IdKind.TEXT, IdRule.COMPOUND_TEXT),
        (IdKind.COMPOUND, IdKind.COMPOUND, IdRule.SAME),
        (IdKind.TEXT, IdKind.TEXT, IdRule.SAME),
        (IdKind.TEXT, IdKind.INT, None),
        (IdKind.TEXT, IdKind.UUID, IdRule.SURROGATE),
        (IdKind.INT, IdKind.UUID, IdRule.INT_UUID),
        (IdKind.MIXED, IdKind.UUID, IdRule.MIXED_UUID),
        (IdKind.UUID, IdKind.INT, None),
        (IdKind.COMPOUND, IdKind.INT, None),
        (IdKind.MIXED, IdKind.MIXED, IdRule.SAME),
        (IdKind.MIXED, IdKind.TEXT, IdRule.MIXED_TEXT),
        (IdKind.INT, IdKind.MIXED, IdRule.INT_MIXED),
        (IdKind.UUID, IdKind.MIXED, IdRule.SAME),
        (IdKind.TEXT, IdKind.MIXED, IdRule.SURROGATE),
        (IdKind.COMPOUND, IdKind.MIXED, IdRule.SURROGATE),
    ],
)
def test_the_rule_follows_from_the_kinds(source, target, rule):
    able = replace(CAPABILITIES, id_kinds=frozenset({target}))
    for existing in (key(target), None):
        if rule is None:
            with pytest.raises(MappingRefused) as caught:
                choose_rule(key(source), existing, able)
            assert target in caught.value.message
        else:
            assert choose_rule(key(source), existing, able) is rule
            assert target_kind(rule, source, able) is target


ONE = UUID("550e8400-e29b-41d4-a716-446655440000")


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("0", 0),
        (str(2**64 - 1), 2**64 - 1),
        (str(ONE), ONE),
        *(
            (other, other)
            for other in ("007", "+5", "-1", "1.0", "doc-1", "", "\u0661", str(ONE).upper(), ONE.hex)
        ),
    ],
)
def test_only_the_canonical_text_of_a_number_or_uuid_becomes_one(source, target):
    made = to_target(IdRule.TEXT_MIXED, source)
    assert (made, type(made)) == (target, type(target))
    assert (misfit(made, key(IdKind.MIXED), CAPABILITIES) == "") == (not isinstance(target, str))
    assert to_source(IdRule.TEXT_MIXED, (1, 2)) is None


def test_mixed_ids_go_into_a_narrower_key_only_where_it_is_there_already():
    able = replace(CAPABILITIES, id_kinds=frozenset({IdKind.INT}))
    assert choose_rule(key(IdKind.MIXED), key(IdKind.INT), able) is IdRule.SAME
    assert choose_rule(key(IdKind.MIXED), key(IdKind.UUID), CAPABILITIES) is IdRule.SAME
    with pytest.raises(MappingRefused):
        choose_rule(key(IdKind.MIXED), None, able)


def test_a_store_of_uuids_alone_takes_numbers_as_uuids_that_stand_for_them():
    able = replace(CAPABILITIES, id_kinds=frozenset({IdKind.UUID}))
    for existing in (None, key(IdKind.UUID)):
        assert choose_rule(key(IdKind.MIXED), existing, able) is IdRule.MIXED_UUID
        assert choose_rule(key(IdKind.MIXED), existing, able, surrogates=True) is IdRule.SURROGATE
    with pytest.raises(MappingRefused):  # a store that has keys of integers is to be given one
        choose_rule(key(IdKind.INT), key(IdKind.UUID), CAPABILITIES)


def test_uuids_that_stand_for_numbers_stay_what_they_are_and_in_order():
    numbers = (-(2**63), -1, 0, 5, 2**63 - 1, 2**64 - 1)
    made = [to_target(IdRule.MIXED_UUID, one) for one in numbers]
    assert [str(one) for one in made] == [
        "8f0d1f3a-2d0b-8000-8000-000000000000",
        "8f0d1f3a-2d0b-8000-ffff-ffffffffffff",
        "8f0d1f3a-2d0b-8001-0000-000000000000",
        "8f0d1f3a-2d0b-8001-0000-000000000005",
        "8f0d1f3a-2d0b-8001-7fff-ffffffffffff",
        "8f0d1f3a-2d0b-8001-ffff-ffffffffffff",
    ]
    assert made == sorted(made)
    assert [to_source(IdRule.MIXED_UUID, one) for one in made] == list(numbers)
    assert [to_source(IdRule.INT_UUID, one) for one in made] == [*numbers[:-1], None]
    assert [to_target(IdRule.INT_MIXED, one) for one in numbers] == [*made[:2], *numbers[2:]]
    assert [to_source(IdRule.INT_MIXED, one) for one in made] == [*numbers[:2], *[None] * 4]
    assert to_source(IdRule.INT_MIXED, 2**63) is None


def test_a_uuid_that_stands_for_a_number_is_nobody_else_s_id():
    taken = to_target(IdRule.MIXED_UUID, 5)
    assert misfit(to_target(IdRule.MIXED_UUID, taken), key(IdKind.UUID), CAPABILITIES)
    assert to_source(IdRule.INT_UUID, ONE) is None
    assert to_source(IdRule.MIXED_UUID, ONE) == ONE
    assert misfit(to_target(IdRule.INT_UUID, 2**64), key(IdKind.UUID), CAPABILITIES)


def test_surrogates_are_made_on_request_where_single_ids_may_not_fit():
    able = replace(CAPABILITIES, id_kinds=frozenset({IdKind.MIXED}))
    assert choose_rule(key(IdKind.INT), None, able) is IdRule.INT_MIXED
    assert choose_rule(key(IdKind.INT), None, able, surrogates=True) is IdRule.SURROGATE
    assert choose_rule(key(IdKind.INT), None, CAPABILITIES, surrogates=True) is IdRule.SAME
    ascii_only = replace(CAPABILITIES, id_kinds=frozenset({IdKind.TEXT}), ascii_ids=True)
    assert choose_rule(key(IdKind.TEXT), None, ascii_only) is IdRule.SAME
    assert choose_rule(key(IdKind.TEXT), None, ascii_only, surrogates=True) is IdRule.SURROGATE
    assert choose_rule(key(IdKind.INT), None, ascii_only, surrogates=True) is IdRule.INT_TEXT
    assert target_kind(IdRule.SURROGATE, IdKind.TEXT, ascii_only) is IdKind.TEXT


def test_text_goes_into_a_mixed_key_of_a_store_that_has_text_as_it_spells():
    assert choose_rule(key(IdKind.TEXT), key(IdKind.MIXED), CAPABILITIES) is IdRule.TEXT_MIXED


@pytest.mark.parametrize(
    ("source", "record_id", "held"),
    [
        (IdKind.TEXT, "42", 42),
        (IdKind.TEXT, "0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff", UUID("0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff")),
        (IdKind.TEXT, "0B0E7A3E-5B1C-4C8E-9C1D-AABBCCDDEEFF", None),
        (IdKind.TEXT, "007", None),
        (IdKind.TEXT, str(2**64), None),
        (IdKind.INT, 7, 7),
        (IdKind.INT, -7, None),
        (IdKind.COMPOUND, ("a", 1), None),
    ],
)
def test_an_id_is_held_as_it_is_or_under_a_surrogate(source, record_id, held):
    assert native(record_id, source, key(IdKind.MIXED), CAPABILITIES) == held
    if held is not None:
        assert own(held, source) == record_id
    assert surrogate(record_id, IdKind.MIXED) == surrogate(record_id, IdKind.UUID)


def test_surrogates_stay_what_they_are():
    assert surrogate("a", IdKind.UUID) == UUID("c8962f92-b308-5707-8d58-d23b1d7a1031")
    assert len({surrogate(one, IdKind.UUID) for one in ("a", "b", 1, "1", -1, ("a",))}) == 6


def test_text_that_a_text_key_cannot_hold_has_a_surrogate_of_text():
    able = replace(CAPABILITIES, ascii_ids=True, max_id_bytes=50)
    held = {one: native(one, IdKind.TEXT, key(IdKind.TEXT), able) for one in ("42", "ü", "x" * 51)}
    assert held == {"42": "42", "ü": None, "x" * 51: None}
    made = surrogate("ü", IdKind.TEXT)
    assert made == "~WroH1YrTnxpVqCT6xH4_xBqdgEz1D99zTf07aZ8foLU"
    assert native(made, IdKind.TEXT, key(IdKind.TEXT), able) == made


def test_half_a_surrogate_pair_names_nothing():
    check_namable("doc-1")
    with pytest.raises(RecordRefused, match="half a surrogate pair"):
        check_namable("\ud800")


def test_a_compound_key_of_other_parts_is_another_key():
    other = key(IdKind.COMPOUND, PARTS[::-1])
    with pytest.raises(MappingRefused):
        choose_rule(key(IdKind.COMPOUND), other, CAPABILITIES)


@pytest.mark.parametrize(
    ("kind", "record_id", "fits"),
    [
        (IdKind.INT, 2**63 - 1, True),
        (IdKind.INT, 2**63, False),
        (IdKind.INT, "5", False),
        (IdKind.MIXED, 2**64 - 1, True),
        (IdKind.MIXED, 2**64, False),
        (IdKind.MIXED, -1, False),
        (IdKind.MIXED, UUID(int=1), True),
        (IdKind.MIXED, "5", False),
        (IdKind.INT, True, False),
        (IdKind.UUID, UUID(int=1), True),
        (IdKind.UUID, str(UUID(int=1)), False),
        (IdKind.TEXT, "four", True),
        (IdKind.TEXT, "fives", False),
        (IdKind.TEXT, "ééé", False),
        (IdKind.TEXT, "\ud800", False),
        (IdKind.TEXT, "\0", False),
        (IdKind.COMPOUND, ("a", 1), True),
        (IdKind.COMPOUND, ("a\0", 1), False),
        (IdKind.COMPOUND, ("a", 2**63), False),
        (IdKind.COMPOUND, ("a",), False),
    ],
)
def test_an_id_fits_its_key_or_is_refused_by_name(kind, record_id, fits):
    able = replace(CAPABILITIES, nul_in_text=False, max_id_bytes=4)
    assert (misfit(record_id, key(kind), able) == "") is fits
    if fits:
        check_fits(record_id, key(kind), able)
        return
    with pytest.raises(RecordRefused) as caught:
        check_fits(record_id, key(kind), able)
    assert caught.value.ids[0] in caught.value.message
    assert caught.value.message.encode()


def test_the_keys_own_length_comes_before_the_stores():
    assert misfit("abc", key(IdKind.TEXT, max_length=2), CAPABILITIES)
    assert not misfit("abc", key(IdKind.TEXT), CAPABILITIES)


def test_ids_may_have_to_be_ascii():
    able = replace(CAPABILITIES, ascii_ids=True)
    assert [misfit(one, key(IdKind.TEXT), able) == "" for one in ("a", "", "é")] == [True, False, False]


@pytest.mark.parametrize("kind", IdKind)
@pytest.mark.parametrize("limited", [False, True])
def test_ids_that_plainly_fit_fit_each(kind, limited):
    of = key(kind, max_length=8 if limited and kind is IdKind.TEXT else None)
    capabilities = replace(CAPABILITIES, nul_in_text=not limited, ascii_ids=limited)

    @MODEL
    @given(st.lists(scalar_ids | st.text(st.sampled_from("ab\0\ud800é"), max_size=9), max_size=4))
    def agree(ids):
        if plainly_fit(ids, of, capabilities):
            assert [misfit(one, of, capabilities) for one in ids] == [""] * len(ids)

    agree()


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        (IdKind.TEXT, ["a", "b"]),
        (IdKind.INT, [-(2**63), 2**63 - 1]),
        (IdKind.UUID, [UUID(int=1)]),
        (IdKind.MIXED, [0, 2**64 - 1]),
        (IdKind.MIXED, [UUID(int=1)]),
    ],
)
def test_usual_ids_plainly_fit(kind, ids):
    assert plainly_fit(ids, key(kind), CAPABILITIES)
    assert not plainly_fit([*ids, 2**64], key(kind), CAPABILITIES)


@pytest.mark.parametrize(
    ("text", "kind", "read"),
    [
        ("5", IdKind.INT, 5),
        ("i:-5", IdKind.INT, -5),
        ("5", IdKind.TEXT, "5"),
        ("s:a", IdKind.TEXT, "a"),
        ("i:5", IdKind.TEXT, "i:5"),
        ("7", IdKind.MIXED, 7),
        ("00000000-0000-0000-0000-000000000007", IdKind.MIXED, UUID(int=7)),
        ('c:["s:a","i:1"]', IdKind.COMPOUND, ("a", 1)),
    ],
)
def test_an_id_as_a_person_writes_it(text, kind, read):
    assert read_id(text, kind) == read


@pytest.mark.parametrize(("text", "kind"), [("a", IdKind.INT), ("5", IdKind.UUID), ("a", IdKind.COMPOUND)])
def test_what_is_no_id_of_a_key(text, kind):
    with pytest.raises(UsageError, match="is no id of the source"):
        read_id(text, kind)
