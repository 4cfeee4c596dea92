"""Payloads by column: what stores read and write fastest, and what goes from one to the other without being taken apart.

`PayloadColumns` stands wherever a list of payloads does; the dict of a record is made for whoever asks for one.
`JsonColumn` is a column of JSON that is still the text the store gave: parsed for whoever asks for a value, and passed
on as it is by stores that hold JSON as text too. Neither is ever changed in place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias, overload

import msgspec

from . import jsonvalue
from .record import Payload

Values: TypeAlias = Sequence[Any]
"""One value a record, None where it has none."""

_SKIM = msgspec.json.Decoder(msgspec.Raw)
"""Reads a text to its end and keeps nothing: a sixth of the cost of parsing it."""
_LONG = 4300
"""Digits of an integer from which on the parser gives up, though skimming it does not."""


class JsonColumn(Sequence[Any]):
    """JSON values as `texts`: valid JSON each, None for SQL's NULL and for JSON's null, which are one value."""

    __slots__ = ("_values", "texts")

    def __init__(self, texts: Sequence[str | None], values: list[Any] | None = None) -> None:
        self.texts = list(texts)
        self._values = values

    @property
    def values(self) -> list[Any]:
        """The values, parsed once."""
        if self._values is None:
            # As one text: a call a column costs half of a call a value.
            self._values = jsonvalue.loads(f"[{','.join([text or 'null' for text in self.texts])}]")
        return self._values

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, place: int) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> JsonColumn: ...
    def __getitem__(self, place: int | slice) -> Any:
        if isinstance(place, slice):
            return JsonColumn(self.texts[place], None if self._values is None else self._values[place])
        return self.values[place]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)

    def __contains__(self, value: object) -> bool:
        return value in (self.texts if value is None else self.values)

    def take(self, rows: Sequence[int]) -> JsonColumn:
        """The values at these positions, in this order."""
        return JsonColumn([self.texts[row] for row in rows])


def json_column(texts: Sequence[Any]) -> JsonColumn | None:
    """The column of these texts; None unless every one of them is JSON that can be parsed, or None."""
    held = [text for text in texts if text is not None]
    if set(map(type, held)) - {str}:
        return None
    try:
        for text in held:
            _SKIM.decode(text)
    except msgspec.DecodeError:
        return None
    if max(map(len, held), default=0) > _LONG and re.search(rf"\d{{{_LONG}}}", "\n".join(held)):
        return None
    null = {text for text in held if len(text) < 16 and text.strip() == "null"}
    return JsonColumn([None if text in null else text for text in texts] if null else texts)


class PayloadColumns(Sequence[Payload]):
    """`count` payloads that all have the same keys: `columns` has one value a record for each."""

    __slots__ = ("_count", "_rows", "columns")

    def __init__(self, columns: Mapping[str, Values], count: int) -> None:
        self.columns = columns
        self._count = count
        self._rows: list[Payload] | None = None

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Payload: ...
    @overload
    def __getitem__(self, place: slice) -> PayloadColumns: ...
    def __getitem__(self, place: int | slice) -> Payload | PayloadColumns:
        if isinstance(place, slice):
            count = len(range(*place.indices(self._count)))
            return PayloadColumns({name: values[place] for name, values in self.columns.items()}, count)
        return self._dicts()[place]

    def __iter__(self) -> Iterator[Payload]:
        return iter(self._dicts())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._dicts() == list(other)

    __hash__ = None  # type: ignore[assignment] # as lists have none

    def take(self, rows: Sequence[int]) -> PayloadColumns:
        """The payloads at these positions, in this order."""
        taken = {name: _taken(values, rows) for name, values in self.columns.items()}
        return PayloadColumns(taken, len(rows))

    def _dicts(self) -> list[Payload]:
        if self._rows is None:
            names = tuple(self.columns)
            rows = zip(*self.columns.values(), strict=True) if names else [()] * self._count
            self._rows = [dict(zip(names, row, strict=True)) for row in rows]
        return self._rows


def column_of(payloads: Sequence[Payload], name: str) -> Values:
    """The values of one key: the column as it stands, or picked out of each payload."""
    if isinstance(payloads, PayloadColumns):
        return payloads.columns.get(name) or [None] * len(payloads)
    return [payload.get(name) for payload in payloads]


def keys_of(payloads: Sequence[Payload]) -> set[str]:
    """Every key that some payload has."""
    if isinstance(payloads, PayloadColumns):
        return set(payloads.columns)
    return set().union(*payloads)


def take_payloads(payloads: Sequence[Payload], rows: Sequence[int]) -> Sequence[Payload]:
    """The payloads at these positions, in this order."""
    return payloads.take(rows) if isinstance(payloads, PayloadColumns) else [payloads[row] for row in rows]


def _taken(values: Values, rows: Sequence[int]) -> Values:
    return values.take(rows) if isinstance(values, JsonColumn) else [values[row] for row in rows]
