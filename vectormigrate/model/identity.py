"""How a source id becomes a target id: one rule a migration, injective, and invertible.

The rule is chosen once, by the plan, and the same code serves backfill, replay, validation and rollback. An id
that the target cannot hold is refused for that record, never altered.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import Any, cast
from uuid import UUID, uuid5

from .capabilities import Capabilities
from .collection import IdField, IdKind
from .errors import MappingRefused, RecordRefused, UsageError
from .record import RecordId, id_text, parse_id

_READ: dict[IdKind, dict[type[Any], Callable[[str], RecordId]]] = {
    IdKind.INT: {int: int},
    IdKind.TEXT: {str: str},
    IdKind.UUID: {UUID: UUID},
    IdKind.MIXED: {int: int, UUID: UUID},
    IdKind.COMPOUND: {tuple: parse_id},
}
"""The types of a key's ids, and what reads their value."""
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
UINT64_MAX = 2**64 - 1


class IdRule(StrEnum):
    """How ids are carried over."""

    SAME = "same"
    """Kind and value unchanged."""
    UUID_TEXT = "uuid_text"
    """A UUID as its lower-case hyphenated text."""
    INT_TEXT = "int_text"
    """An integer as its decimal text."""
    COMPOUND_TEXT = "compound_text"
    """A compound key as the canonical text of its parts."""
    MIXED_TEXT = "mixed_text"
    """An integer as its decimal text, a UUID as its lower-case hyphenated text."""
    TEXT_MIXED = "text_mixed"
    """The reverse: text that spells an integer or a UUID exactly so, as that. Any other text stays and fits nowhere."""
    INT_MIXED = "int_mixed"
    """An integer that is not below zero as it is, any other as INT_UUID has it."""
    INT_UUID = "int_uuid"
    """An integer as a UUID of 64 bits that are ours and its own 64 bits, so that the order stays, too."""
    MIXED_UUID = "mixed_uuid"
    """The same for an integer, and a UUID as it is. One that stands for an integer becomes that, and fits nowhere."""
    SURROGATE = "surrogate"
    """An id that the key can hold as it is; any other as an id made of it, with the original beside it. What is written
    here is the source's id on both sides: the change is made at the store's door (`stores.surrogate`)."""


STAYING = frozenset({IdRule.SAME, IdRule.INT_MIXED})
"""Rules by which an id stays what it is wherever the key can hold it so."""
_BELOW_ZERO, _FROM_ZERO = 0x8F0D1F3A2D0B8000, 0x8F0D1F3A2D0B8001
"""The upper halves of UUIDs that stand for integers (version 8: what is in them is ours to say). Never to be changed."""
_HALF = 2**64
ORIGINAL = "_vm_id"
"""Payload key under which the canonical text of an id stands that its record could not be stored under."""
_SPACE = UUID("8f0d1f3a-2d0b-5b57-9c25-6a8f5f0d7c11")
"""Where version 5 UUIDs of this project live. Never to be changed: ids in targets are made with it."""


_INTO_TEXT = {
    IdKind.UUID: IdRule.UUID_TEXT,
    IdKind.INT: IdRule.INT_TEXT,
    IdKind.COMPOUND: IdRule.COMPOUND_TEXT,
    IdKind.MIXED: IdRule.MIXED_TEXT,
}
_INTO_UUID = {IdKind.INT: IdRule.INT_UUID, IdKind.MIXED: IdRule.MIXED_UUID}


def choose_rule(
    source: IdField, target: IdField | None, capabilities: Capabilities, *, surrogates: bool = False
) -> IdRule:
    """The rule for these keys. `target` is None when the collection is still to be made; `surrogates` are made where the
    kind fits and single ids may not. Raises MappingRefused.
    """
    kinds = {target.kind} if target is not None else set(capabilities.id_kinds)
    made = IdKind.TEXT not in capabilities.id_kinds and bool(kinds & _SURROGATES)
    if surrogates and (made or (source.kind is IdKind.TEXT and kinds == {IdKind.TEXT})):
        return IdRule.SURROGATE
    if source.kind in kinds and (source.kind is not IdKind.COMPOUND or _like(source, target)):
        return IdRule.SAME
    if _overlap(source.kind, target, kinds) and not (made and source.kind is IdKind.MIXED):
        # UUIDs and unsigned integers that the other side cannot hold are refused one by one.
        return IdRule.INT_MIXED if source.kind is IdKind.INT else IdRule.SAME
    into = _INTO_TEXT if IdKind.TEXT in kinds else _INTO_UUID if made and kinds == {IdKind.UUID} else {}
    if source.kind in into:
        return into[source.kind]
    if made:
        return IdRule.SURROGATE
    if source.kind is IdKind.TEXT and IdKind.MIXED in kinds:
        return IdRule.TEXT_MIXED
    wanted = " or ".join(sorted(kinds))
    raise MappingRefused(
        f"{source.kind} ids of the source do not fit the target, whose key holds {wanted}",
        hint="use a target collection with a text key, or let vectormigrate create the collection",
    )


def _overlap(source: IdKind, target: IdField | None, kinds: set[IdKind]) -> bool:
    """Whether mixed ids meet a key that holds integers or UUIDs. A new key is never narrower than the source's."""
    if source is IdKind.MIXED:
        return target is not None and target.kind in (IdKind.INT, IdKind.UUID)
    return source in (IdKind.INT, IdKind.UUID) and IdKind.MIXED in kinds


_SURROGATES = frozenset({IdKind.MIXED, IdKind.UUID})
"""Kinds of keys that hold an id made of any other."""


def _like(source: IdField, target: IdField | None) -> bool:
    return target is None or tuple(part.kind for part in source.parts) == tuple(
        part.kind for part in target.parts
    )


def target_kind(rule: IdRule, source: IdKind, capabilities: Capabilities) -> IdKind:
    """The kind of key that the rule gives in a new collection."""
    if rule in _INTO_UUID.values():
        return IdKind.UUID
    if rule in (IdRule.TEXT_MIXED, IdRule.INT_MIXED):
        return IdKind.MIXED
    if rule is IdRule.SURROGATE:
        preferred = (IdKind.TEXT, IdKind.MIXED, IdKind.UUID)
        return next(kind for kind in preferred if kind in capabilities.id_kinds)
    if rule is not IdRule.SAME:
        return IdKind.TEXT
    return source if source in capabilities.id_kinds else IdKind.MIXED


def to_target(rule: IdRule, record_id: RecordId) -> RecordId:
    """The target id of a source id."""
    match rule:
        case IdRule.SAME | IdRule.SURROGATE:
            return record_id
        case IdRule.UUID_TEXT | IdRule.INT_TEXT | IdRule.MIXED_TEXT:
            return str(record_id)
        case IdRule.TEXT_MIXED:
            return _spelled(record_id) if isinstance(record_id, str) else record_id
        case IdRule.INT_MIXED:
            return _swapped(record_id) if isinstance(record_id, int) and record_id < 0 else record_id
        case IdRule.INT_UUID | IdRule.MIXED_UUID:
            return _swapped(record_id)
        case IdRule.COMPOUND_TEXT:
            return id_text(record_id)


def _swapped(record_id: RecordId) -> RecordId:
    """The UUID that stands for an integer of 64 bits, and the integer that a UUID stands for; any other id itself."""
    if isinstance(record_id, int) and INT64_MIN <= record_id <= UINT64_MAX:
        upper = _BELOW_ZERO if record_id < 0 else _FROM_ZERO
        return UUID(int=upper * _HALF + record_id % _HALF)
    if isinstance(record_id, UUID):
        upper, lower = divmod(record_id.int, _HALF)
        if upper == _FROM_ZERO:
            return lower
        if upper == _BELOW_ZERO and lower >= _HALF // 2:
            return lower - _HALF
    return record_id


def _spelled(text: str) -> RecordId:
    """The integer or UUID of which this is the one canonical text; the text itself when it is of none."""
    try:
        point = int(text) if text.isdecimal() else UUID(text)
    except ValueError:
        return text
    return point if str(point) == text else text


def to_source(rule: IdRule, target_id: RecordId) -> RecordId | None:
    """The source id of a target id, or None when no source id maps to it (so the record is not ours)."""
    if rule in (IdRule.SAME, IdRule.SURROGATE):
        return target_id
    if rule is IdRule.TEXT_MIXED:
        source_id = str(target_id)
        return source_id if to_target(rule, source_id) == target_id else None
    if rule in (IdRule.INT_MIXED, IdRule.INT_UUID, IdRule.MIXED_UUID):
        return _number_of(rule, target_id)
    if not isinstance(target_id, str):
        return None
    try:
        source: RecordId
        match rule:
            case IdRule.UUID_TEXT:
                source = UUID(target_id)
            case IdRule.INT_TEXT:
                source = int(target_id)
            case IdRule.MIXED_TEXT:
                source = int(target_id) if target_id.isdecimal() else UUID(target_id)
            case IdRule.COMPOUND_TEXT:
                source = parse_id(target_id)
    except ValueError:
        return None
    return source if to_target(rule, source) == target_id else None


def _number_of(rule: IdRule, target_id: RecordId) -> RecordId | None:
    """The integer that a target id is or stands for, or a UUID where the source has such, too; None for any other."""
    if isinstance(target_id, int):
        return target_id if rule is IdRule.INT_MIXED and 0 <= target_id <= INT64_MAX else None
    found = _swapped(target_id) if isinstance(target_id, UUID) else None
    if rule is IdRule.MIXED_UUID:
        return found
    most = -1 if rule is IdRule.INT_MIXED else INT64_MAX
    return found if isinstance(found, int) and found <= most else None


def native(record_id: RecordId, source: IdKind, key: IdField, capabilities: Capabilities) -> RecordId | None:
    """The id under which a key can hold a source's id without a note of the original; None when it cannot.

    Text that spells an integer or a UUID exactly so is held as that.
    """
    spells = source is IdKind.TEXT and isinstance(record_id, str) and key.kind is not IdKind.TEXT
    held = _spelled(str(record_id)) if spells else record_id
    return None if misfit(held, key, capabilities) else held


def own(record_id: RecordId, source: IdKind) -> RecordId:
    """The source's id of a record that is stored under an id of the target's own kind: `native` backwards."""
    return str(record_id) if source is IdKind.TEXT and not isinstance(record_id, str) else record_id


def read_id(text: str, kind: IdKind) -> RecordId:
    """An id as a person writes it: as `id_text` does, or its value alone. Raises UsageError for what no such key can be."""
    fits = _READ[kind]
    for read in (parse_id, *fits.values()):
        with suppress(ValueError):
            found = read(text)
            if type(found) in fits:
                return found
    raise UsageError(
        f"{text[:80]!r} is no id of the source, whose key is {kind}",
        hint="write it as findings do: i:5, s:doc-1, u:..., or c:[...] for a key of several columns",
    )


def surrogate(record_id: RecordId, kind: IdKind) -> RecordId:
    """The id made of one that a key cannot hold: a UUID of version 5 of its canonical text; where keys are text, `~` and the
    SHA-256 of that in base64, 44 ASCII letters.
    """
    text = id_text(record_id)
    if kind is IdKind.TEXT:
        return "~" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
    assert kind in _SURROGATES, f"no surrogate fits a key of {kind}"
    return uuid5(_SPACE, text)


def check_fits(target_id: RecordId, target: IdField, capabilities: Capabilities) -> None:
    """Raise RecordRefused when the target's key cannot hold this id."""
    _refuse(target_id, misfit(target_id, target, capabilities))


def check_namable(target_id: RecordId) -> None:
    """Raise RecordRefused when no surrogate can be made of this id."""
    _refuse(target_id, _unicode_misfit(id_text(target_id)))


def _refuse(target_id: RecordId, reason: str) -> None:
    if reason:
        shown = id_text(target_id)[:200].encode(errors="backslashreplace").decode()
        raise RecordRefused(f"id {shown}: {reason}", ids=(shown,))


def misfit(record_id: RecordId, key: IdField, capabilities: Capabilities) -> str:
    """Why a key cannot hold this id; empty when it can."""
    if not isinstance(record_id, _TYPES[key.kind]) or isinstance(record_id, bool):
        held = "integers and UUIDs" if key.kind is IdKind.MIXED else key.kind
        return f"the key holds {held}, not {type(record_id).__name__}"
    if isinstance(record_id, int):
        low, high = (0, UINT64_MAX) if key.kind is IdKind.MIXED else (INT64_MIN, INT64_MAX)
        return "" if low <= record_id <= high else f"it is not between {low} and {high}"
    if isinstance(record_id, tuple):
        if len(record_id) != len(key.parts):
            return f"the key has {len(key.parts)} parts, not {len(record_id)}"
        faults = (misfit(part, of, capabilities) for part, of in zip(record_id, key.parts, strict=True))
        return next(filter(None, faults), "")
    return _text_misfit(record_id, key, capabilities) if isinstance(record_id, str) else ""


def plainly_fit(ids: Sequence[RecordId], key: IdField, capabilities: Capabilities) -> bool:
    """Whether a key plainly holds all these ids: a few calls for all of them instead of one each.

    False only says that each has to be looked at by `misfit`.
    """
    known = cast("Sequence[Any]", ids)
    types = set(map(type, ids))
    if key.kind is IdKind.MIXED:
        return types == {UUID} or (types == {int} and min(known) >= 0 and max(known) <= UINT64_MAX)
    if types != {_TYPES[key.kind]}:
        return False
    match key.kind:
        case IdKind.INT:
            return bool(min(known) >= INT64_MIN and max(known) <= INT64_MAX)
        case IdKind.TEXT:
            limit = key.max_length or capabilities.max_id_bytes
            together = "".join(known)
            fit = together.isascii() and (capabilities.nul_in_text or "\0" not in together)
            if capabilities.ascii_ids and "" in known:
                return False
            return fit and (limit is None or max(map(len, known)) <= limit)
        case kind:
            return kind is IdKind.UUID


_TYPES: dict[IdKind, type | tuple[type, ...]] = {
    IdKind.INT: int,
    IdKind.TEXT: str,
    IdKind.UUID: UUID,
    IdKind.COMPOUND: tuple,
    IdKind.MIXED: (int, UUID),
}


def _text_misfit(text: str, key: IdField, capabilities: Capabilities) -> str:
    limit = key.max_length or capabilities.max_id_bytes
    fault = _unicode_misfit(text)
    if fault:
        return fault
    size = len(text.encode())
    if limit is not None and size > limit:
        return f"its {size} bytes do not fit {limit}"
    if "\0" in text and not capabilities.nul_in_text:
        return "it holds a NUL byte, which the store cannot keep"
    if capabilities.ascii_ids and not (text and text.isascii()):
        return "ids of the store are ASCII, and not empty"
    return ""


def _unicode_misfit(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return "it holds half a surrogate pair, which is no Unicode text"
    return ""
