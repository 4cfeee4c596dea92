"""Whether what a vendor's client reads in a target is what the source held: the judge, which knows no rule of a translation.

A value is *exact* when the client gives the same value of the same type. It is *converted* when one of the reverse rules
below, each a few words that a user could follow by hand, gives it out of what the client reads. Anything else is wrong.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model.record import Record, SparseVector

from .side import Held, Unnamed

_ASIDE = "_vm_meta"
_INTS = "_vm_ints"
_ORIGINAL = "_vm_id"
_NORMS = "_vm_norm"
_SPARSE = "_vm_sparse"
_PLACE = "_vm_partition"
_NUMBERED = (0x8F0D1F3A2D0B8000, 0x8F0D1F3A2D0B8001)
"""How a UUID begins that stands for an integer: one below zero, or any other."""
_OURS = frozenset({_ASIDE, _INTS, _ORIGINAL, _NORMS, _SPARSE, _PLACE})


class Fate(StrEnum):
    """The outcomes of a cell."""

    EXACT = "exact"
    CONVERTED = "converted"
    REFUSED = "refused"
    NOT_HELD = "not held"
    """By the source: there is nothing to move."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a kind, and by which rule it is had again, or what is wrong."""

    fate: Fate
    how: str = ""

    @property
    def rank(self) -> int:
        return [Fate.NOT_HELD, Fate.EXACT, Fate.CONVERTED, Fate.REFUSED, Fate.WRONG].index(self.fate)


EXACT = Verdict(Fate.EXACT)


@dataclass(frozen=True, slots=True)
class Names:
    """What the plan calls things on the target."""

    fields: Mapping[str, str]
    vectors: Mapping[str, str]


def judge(group: str, record: Record, source: Held, target: Held, names: Names) -> Verdict:
    """The verdict about the part of a record that its group is about; wrong if any other part is."""
    identity = _whereabouts(record, target)
    payload = _payload(record, target, names)
    vectors = _vectors(source, target, names)
    for part in (identity, payload, vectors):
        if part.fate is Fate.WRONG:
            return part
    return {"Ids": identity, "Places": identity, "Vectors": vectors}.get(group, payload)


# Ids and places.


def _whereabouts(record: Record, target: Held) -> Verdict:
    """Of the id, and of the partition where its name stands beside the record."""
    if not isinstance(target.payload.get(_PLACE), str) or target.payload[_PLACE] != record.partition:
        return _identity(record, target)
    found = _identity(replace(record, partition=None), target)
    rule = " and ".join(filter(None, (f"its partition under `{_PLACE}`", found.how)))
    return found if found.fate is Fate.WRONG else Verdict(Fate.CONVERTED, rule)


def _identity(record: Record, target: Held) -> Verdict:
    wanted = (record.partition or "", record.id)
    for rule, place, found in _ids(target):
        if (place or "", found) == wanted and type(found) is type(record.id):
            return Verdict(Fate.CONVERTED, rule) if rule else EXACT
        if record.partition is not None and isinstance(found, tuple) and found == wanted:
            return Verdict(Fate.CONVERTED, rule) if rule else EXACT
        if record.partition == "" and found == record.id:  # the default namespace
            return EXACT
    if isinstance(target.id, UUID) and str(target.id) == record.id and not record.partition:
        return Verdict(Fate.CONVERTED, "the UUID that the text spells")
    if isinstance(target.id, int) and str(target.id) == record.id and not record.partition:
        return Verdict(Fate.CONVERTED, "the number that the text spells")
    return Verdict(Fate.WRONG, f"id {wanted!r} arrived as {(target.place, target.id)!r}")


def _ids(target: Held) -> Iterator[tuple[str, str | None, Any]]:
    """What the id may have been, and by which rule."""
    yield "", target.place, target.id
    noted = target.payload.get(_ORIGINAL)
    if isinstance(noted, str):
        yield f"beside it, under `{_ORIGINAL}`", target.place, _spoken(noted)
    if isinstance(target.id, UUID) and target.id.int >> 64 in _NUMBERED:
        number = target.id.int % 2**64
        below = target.id.int >> 64 == _NUMBERED[0]
        yield "a UUID that ends in its 64 bits", target.place, number - 2**64 if below else number
    if not isinstance(target.id, str):
        return
    for rule, read in (
        ("its digits", int),
        ("the UUID as text", _canonical_uuid),
        ("its parts as text", _spoken),
    ):
        try:
            yield rule, target.place, read(target.id)
        except (ValueError, KeyError):
            continue


def _canonical_uuid(text: str) -> UUID:
    found = UUID(text)
    if str(found) != text:
        raise ValueError(text)
    return found


def _spoken(text: str) -> Any:
    """An id out of its text: a letter for its kind, a colon, its value; `c:` and a list for several."""
    kind, _, rest = text.partition(":")
    if kind == "c":
        return tuple(_spoken(part) for part in json.loads(rest))
    return {"s": str, "i": int, "u": UUID}[kind](rest)


# Payload.


def _payload(record: Record, target: Held, names: Names) -> Verdict:
    worst = EXACT
    wanted = {names.fields.get(key, key): value for key, value in record.payload.items()}
    for key, value in wanted.items():
        found = _field(key, value, target.payload)
        if found.fate is Fate.WRONG:
            return found
        worst = max(worst, found, key=lambda one: one.rank)
    more = {
        key: value
        for key, value in target.payload.items()
        if key not in wanted and key not in _OURS and value is not None
    }
    if more:
        return Verdict(Fate.WRONG, f"keys that nobody wrote: {more!r:.200}")
    renamed = [key for key in record.payload if names.fields.get(key, key) != key]
    if worst.fate is Fate.EXACT and renamed:
        return Verdict(Fate.CONVERTED, "under another name")
    return worst


def _field(key: str, value: Any, payload: Mapping[str, Any]) -> Verdict:
    if key in payload:
        rule = _rule(value, payload[key])
        if rule == "":
            return EXACT
        if rule is not None:
            return Verdict(Fate.CONVERTED, rule)
        listed = payload.get(_INTS) or ()
        if type(value) is int and key in listed and payload[key] == value:
            return Verdict(Fate.CONVERTED, f"a double, named in `{_INTS}`")
    aside = payload.get(_ASIDE)
    if isinstance(aside, str):
        held = json.loads(aside, parse_float=_number)
        if key in held and _rule(value, held[key]) is not None:
            return Verdict(Fate.CONVERTED, f"in JSON, under `{_ASIDE}`")
    if key not in payload:
        return Verdict(Fate.WRONG, f"key {key!r} is missing in {payload!r:.300}")
    return Verdict(Fate.WRONG, f"{key!r}: {value!r:.120} arrived as {payload[key]!r:.120}")


def _number(text: str) -> float | Decimal:
    """A number of JSON as a double, unless that would lose digits."""
    return float(text) if Decimal(text) == Decimal(repr(float(text))) else Decimal(text)


_TEXTS: Mapping[type, tuple[str, Callable[[str], Any]]] = {
    Decimal: ("its digits as text", Decimal),
    datetime: ("as ISO 8601 text", datetime.fromisoformat),
    date: ("as ISO 8601 text", date.fromisoformat),
    time: ("as ISO 8601 text", time.fromisoformat),
    UUID: ("the UUID as text", UUID),
    bytes: ("as base64 text", base64.b64decode),
    dict: ("as text of JSON", json.loads),
    list: ("as text of JSON", json.loads),
}
_TAGS: Mapping[str, Callable[[str], Any]] = {
    "$numberDecimal": Decimal,
    "$date": datetime.fromisoformat,
    "$day": date.fromisoformat,
    "$time": time.fromisoformat,
    "$uuid": UUID,
    "$binary": base64.b64decode,
}


def _rule(value: Any, found: Any) -> str | None:
    """How a value is had out of what was read: "" when it is just that; None when it is not."""
    if _same(value, found):
        return ""
    if isinstance(found, dict) and len(found) == 1:
        ((tag, text),) = found.items()
        if tag in _TAGS and _same(value, _TAGS[tag](text)):
            return "as extended JSON"
    known = _TEXTS.get(type(value))
    if known is not None and isinstance(found, str):
        rule, read = known
        try:
            return rule if _same(value, read(found)) else None
        except (ValueError, ArithmeticError):
            return None
    return None


def _same(one: Any, other: Any) -> bool:
    """Equal and of one type, all the way down. Decimals to the last zero; moments as instants."""
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(_same(value, other[key]) for key, value in one.items())
        )
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, UUID):
        return isinstance(other, UUID) and one == other
    if isinstance(one, datetime):
        zoned = isinstance(other, datetime) and (one.tzinfo is None) == (other.tzinfo is None)
        return zoned and bool(one == other)
    if type(one) is not type(other):
        return False
    return str(one) == str(other) if isinstance(one, Decimal) else bool(one == other)


# Vectors.


def _vectors(source: Held, target: Held, names: Names) -> Verdict:
    wanted = {names.vectors.get(name, name): vector for name, vector in source.vectors.items()}
    spelled = _spelled(target)
    if spelled:
        target = replace(target, vectors={**target.vectors, **spelled})
    if any(isinstance(name, Unnamed) for name in (*source.vectors, *target.vectors)):
        wanted = _by_kind(source.vectors)
        target = replace(target, vectors=_by_kind(target.vectors))
    if wanted.keys() != target.vectors.keys():
        return Verdict(Fate.WRONG, f"vectors {sorted(wanted)} arrived as {sorted(target.vectors)}")
    norms = target.payload.get(_NORMS) or {}
    worst = Verdict(Fate.CONVERTED, f"in JSON, under `{_SPARSE}`") if spelled else EXACT
    for name, vector in wanted.items():
        norm = next(iter(norms.values()), None) if isinstance(name, Unnamed) else norms.get(name)
        found = _vector(vector, target.vectors[name], norm)
        worst = max(worst, found, key=lambda one: one.rank)
    return worst


def _spelled(target: Held) -> dict[str, SparseVector]:
    """Sparse vectors that stand beside the record as text of JSON."""
    text = target.payload.get(_SPARSE)
    told = json.loads(text) if isinstance(text, str) else {}
    return {
        name: SparseVector(np.array(one["indices"], np.int64), np.array(one["values"], np.float32))
        for name, one in told.items()
    }


def _by_kind(vectors: Mapping[str, Any]) -> dict[str, Any]:
    """The one dense vector and the one sparse one, whatever they are called."""
    return {
        Unnamed.SPARSE if isinstance(vector, SparseVector) else Unnamed.DENSE: vector
        for vector in vectors.values()
    }


def _vector(one: Any, other: Any, norm: Any) -> Verdict:
    if isinstance(one, SparseVector):
        equal = isinstance(other, SparseVector) and np.array_equal(one.indices, other.indices)
        same = equal and one.values.tobytes() == other.values.tobytes()
        return EXACT if same else Verdict(Fate.WRONG, f"sparse {one} arrived as {other}")
    if one.shape != other.shape:
        return Verdict(Fate.WRONG, f"{one.shape} arrived as {other.shape}")
    if one.dtype == other.dtype and one.tobytes() == other.tobytes():
        return EXACT
    if one.dtype != other.dtype and one.astype(other.dtype).tobytes() == other.tobytes():
        widened = np.array_equal(other.astype(one.dtype), one)
        if widened:
            return Verdict(Fate.CONVERTED, f"{one.dtype} as {other.dtype}")
    if norm is not None:
        lengths = np.asarray(norm, np.float64)
        again = other * (lengths[:, None] if lengths.ndim else lengths)
        if np.allclose(again, one, rtol=1e-6, atol=0):
            return Verdict(Fate.CONVERTED, f"of length one, its length under `{_NORMS}`")
    return Verdict(Fate.WRONG, f"vector {one} arrived as {other}, norm {norm}")


def alike(one: Held, other: Held, between: Held) -> bool:
    """Whether a client of one vendor reads the same twice, `between` being what the other vendor's read: bit for bit, but
    for vectors whose lengths were noted, which come back to the rounding of float32.
    """
    rounded = _NORMS in between.payload
    vectors = one.vectors.keys() == other.vectors.keys() and all(
        _again(vector, other.vectors[name], rounded) for name, vector in one.vectors.items()
    )
    same = _same(one.payload, other.payload) and (one.place or "") == (other.place or "")
    return vectors and same and type(one.id) is type(other.id) and one.id == other.id


def _again(one: Any, other: Any, rounded: bool) -> bool:
    if _vector(one, other, None).fate is Fate.EXACT:
        return True
    same = isinstance(one, np.ndarray) and one.dtype == other.dtype and one.shape == other.shape
    return rounded and same and np.allclose(one, other, rtol=1e-6, atol=0)
