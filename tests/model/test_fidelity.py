"""The table of kinds: asked of the planner, for targets that lack one thing or another."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vectormigrate.model.collection import FieldType, IdKind
from vectormigrate.model.fidelity import KINDS, verdicts
from vectormigrate.model.plan import Fate
from vectormigrate.stores.memory import CAPABILITIES


def table(admitted=lambda shape, batch: "", **lacks):
    return {(one.group, one.kind): one for one in verdicts(replace(CAPABILITIES, **lacks), admitted)}


def test_a_store_that_can_do_everything_holds_everything():
    found = table()
    assert len(found) == len(KINDS) >= 40
    assert {one.fate for one in found.values()} == {Fate.EXACT}


@pytest.mark.parametrize(
    ("lacks", "kind", "fate", "words"),
    [
        ({"id_kinds": frozenset({IdKind.TEXT})}, ("id", "integer"), Fate.CONVERTED, "int_text"),
        ({"id_kinds": frozenset({IdKind.MIXED})}, ("id", "text"), Fate.CONVERTED, "surrogate"),
        ({"id_kinds": frozenset({IdKind.MIXED})}, ("id", "negative integer"), Fate.CONVERTED, "int_mixed"),
        ({"id_kinds": frozenset({IdKind.MIXED})}, ("id", "integer"), Fate.EXACT, ""),
        ({"id_kinds": frozenset({IdKind.INT})}, ("id", "text"), Fate.REFUSED, "do not fit"),
        ({"max_id_bytes": 512}, ("id", "text of 1,000 bytes"), Fate.REFUSED, "do not fit 512"),
        ({"sparse": False}, ("vector", "sparse"), Fate.CONVERTED, "no sparse vectors: kept as JSON"),
        ({"max_dim": 2000}, ("vector", "3,000 dimensions"), Fate.REFUSED, "at most 2000"),
        ({"normalises_cosine": True}, ("vector", "cosine, not of length one"), Fate.CONVERTED, "length one"),
        ({"field_types": frozenset({FieldType.TEXT})}, ("field", "decimal"), Fate.CONVERTED, "all digits"),
        ({"field_types": frozenset({FieldType.INT})}, ("field", "text"), Fate.REFUSED, "no type for text"),
        ({"dynamic": False}, ("value", "nested"), Fate.REFUSED, "keys that it does not declare"),
        ({"inexact_doubles": True}, ("field", "double"), Fate.REFUSED, "last digit"),
        ({"partitions": False}, ("place", "partition"), Fate.CONVERTED, "no partitions: kept beside it"),
    ],
)
def test_what_a_target_lacks_is_in_the_table_with_its_limit(lacks, kind, fate, words):
    found = table(**lacks)[kind]
    assert found.fate is fate
    assert words in found.reason


def test_what_the_store_would_refuse_is_refused():
    found = table(lambda shape, batch: "no zeros" if not batch.vectors["v"].values.any() else "")
    assert (found["vector", "zeros"].fate, found["vector", "zeros"].reason) == (Fate.REFUSED, "no zeros")
    assert found["vector", "float32"].fate is Fate.EXACT
