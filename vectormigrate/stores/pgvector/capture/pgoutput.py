"""The messages of PostgreSQL's output plugin `pgoutput`, protocol 1, reduced to the keys they name. Pure.

The format is PostgreSQL's documented one ("Logical Replication Message Formats"). Values are asked for as text: a
publication of key columns sends little else, and text needs no table of types. A tuple that carries an old key comes
only where the key has changed, so an UPDATE may name two ids.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from vectormigrate.model.errors import StoreBroken

Key = tuple[str, ...]

_BEGIN = struct.Struct(">qqI")
_COMMIT = struct.Struct(">bqqq")
_RELATION = struct.Struct(">i")
_SHORT = struct.Struct(">h")
_LENGTH = struct.Struct(">i")
_WHOLE, _HALF = 2**32, 2**31
_EPOCH = 946_684_800.0
"""2000-01-01 as Unix time, from which the server counts microseconds."""


@dataclass(slots=True)
class Transaction:
    """What one committed transaction did to the table."""

    xid: int
    """Its number, the lower 32 bits."""
    committed: float
    """Unix time, by the server's clock."""
    end: int = 0
    """The position behind its commit record; 0 while it is not complete."""
    keys: dict[Key, None] = field(default_factory=dict)
    everything: bool = False
    """The table was truncated, or more was changed than is worth naming."""


class Decoder:
    """Puts the messages of one stream together again, for a table whose key has the columns `key`.

    A transaction that names more than `most` keys is said to change everything: it comes in one piece, and must fit
    into memory.
    """

    def __init__(self, key: Sequence[str], most: int) -> None:
        self._key = key
        self._most = most
        self._places: dict[int, list[int]] = {}
        self._now = Transaction(0, 0.0)

    def feed(self, message: bytes) -> Transaction | None:
        """Take the next message; the transaction that it completes, if it does."""
        kind = message[:1]
        if kind == b"B":
            _, moment, xid = _BEGIN.unpack_from(message, 1)
            self._now = Transaction(xid, _EPOCH + moment / 1e6)
        elif kind == b"C":
            _, _, self._now.end, _ = _COMMIT.unpack_from(message, 1)
            return self._now
        elif kind == b"R":
            relation, names = _relation(message)
            self._places[relation] = [_place(names, name) for name in self._key]
        elif kind == b"T":
            self._now.everything = True
        elif kind in b"IUD":
            self._change(message)
        return None

    def _change(self, message: bytes) -> None:
        (relation,) = _RELATION.unpack_from(message, 1)
        for values in _tuples(message):
            self._now.keys[_key(values, self._places[relation])] = None
        if len(self._now.keys) > self._most:
            self._now.keys, self._now.everything = {}, True


def is_visible(xid: int, snapshot: str) -> bool:
    """Whether a query of this snapshot (`xmin:xmax:xip,...`, as `pg_current_snapshot` writes it) sees a transaction
    that has committed. `xid` is its lower 32 bits.
    """
    _, edge, running = snapshot.split(":")
    newest = int(edge)
    full = newest + (xid - newest + _HALF) % _WHOLE - _HALF
    return full < newest and str(full) not in running.split(",")


def _place(names: list[str], name: str) -> int:
    if name not in names:
        raise StoreBroken(f"the publication does not carry the key column {name!r}", store="pgvector")
    return names.index(name)


def _key(values: list[str | None], places: list[int]) -> Key:
    found = tuple(values[place] for place in places)
    if None in found:
        raise StoreBroken("the slot told a change without its key", store="pgvector")
    return tuple(value for value in found if value is not None)


def _relation(message: bytes) -> tuple[int, list[str]]:
    (relation,) = _RELATION.unpack_from(message, 1)
    position = message.index(b"\0", 5) + 1
    position = message.index(b"\0", position) + 1 + 1
    (count,) = _SHORT.unpack_from(message, position)
    position += 2
    names = []
    for _ in range(count):
        end = message.index(b"\0", position + 1)
        names.append(message[position + 1 : end].decode())
        position = end + 1 + 8
    return relation, names


def _tuples(message: bytes) -> Iterator[list[str | None]]:
    """The tuples of an insert, update or delete: old keys, old rows and new rows alike."""
    position = 5
    while position < len(message):
        values: list[str | None] = []
        (count,) = _SHORT.unpack_from(message, position + 1)
        position += 3
        for _ in range(count):
            kind = message[position : position + 1]
            position += 1
            if kind in b"nu":
                values.append(None)
                continue
            (size,) = _LENGTH.unpack_from(message, position)
            position += 4
            values.append(message[position : position + size].decode())
            position += size
        yield values
