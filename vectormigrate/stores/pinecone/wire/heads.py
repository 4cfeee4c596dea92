"""What a facade must know of a request before it passes it on: its namespace, and which records it may change.

`read_head` looks at a write for its namespace, its ids and its selectors and steps over the numbers without parsing
them: a body of 100 vectors of 768 takes 0.1 ms so, 1.5 with a JSON parser that skips, 2.9 with one that does not.
Pinecone's server reads the names of fields in both spellings (`deleteAll`, `delete_all`); so does this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import orjson

from vectormigrate.model.filter import Native
from vectormigrate.model.touch import Ids, Matching, Scope, Touch, Unknown, Whole
from vectormigrate.stores.pinecone.filters import DIALECT

from .records import Malformed, canonical_namespace, to_key
from .requests import read_object
from .shape import Keys, Layout


class HeadItem(msgspec.Struct):
    """One record of an upsert, as far as its head goes."""

    id: str


class Head(msgspec.Struct, rename="camel"):
    """What upsert, update and delete say of which records they change."""

    namespace: str | None = None
    vectors: list[HeadItem] | None = None
    id: str | None = None
    ids: list[str] | None = None
    filter: dict[str, Any] | None = None
    delete_all: bool | None = None
    dry_run: bool | None = None
    other_delete_all: bool | None = msgspec.field(default=None, name="delete_all")
    other_dry_run: bool | None = msgspec.field(default=None, name="dry_run")

    @property
    def everything(self) -> bool:
        """It is a delete of all records of the namespace."""
        return bool(self.delete_all or self.other_delete_all)

    @property
    def only_asks(self) -> bool:
        """It is an update that changes nothing and counts."""
        return bool(self.dry_run or self.other_dry_run)


class _Named(msgspec.Struct):
    namespace: str | None = None


_HEAD = msgspec.json.Decoder(Head)
_NAMED = msgspec.json.Decoder(_Named)
_LISTS = (b'"values":[', b'"values": [')


def read_head(body: bytes) -> Head:
    """The head of a write. Raises Malformed when the body is not what the API describes."""
    if len(body) > _WORTH_SKIMMING:
        try:
            return _HEAD.decode(_skim(body))
        except (msgspec.DecodeError, RecursionError):
            pass  # lists within lists and the like: let the parser say what is wrong
    head: Head = _decoded(_HEAD.decode, body)
    return head


_WORTH_SKIMMING = 2048


def _skim(body: bytes) -> bytes:
    """The body with the numbers of every `values` left out.

    In JSON a quote inside a string is escaped, so `"values":[` can stand nowhere but at a key; and what follows up
    to the first bracket, if no quote is in it, holds no text.
    """
    mark = next((one for one in _LISTS if one in body), None)
    if mark is None:
        return body
    kept, at = [], 0
    while (found := body.find(mark, at)) >= 0:
        start = found + len(mark)
        end = body.find(b"]", start)
        if end < 0:
            break
        kept.append(body[at:start])
        at = start if body.find(b'"', start, end) >= 0 else end
    kept.append(body[at:])
    return b"".join(kept)


def read_namespace(body: bytes) -> str:
    """The canonical namespace that a body names. Raises Malformed."""
    return canonical_namespace(_decoded(_NAMED.decode, body or b"{}").namespace)


def _decoded(decode: Callable[[bytes], Any], body: bytes) -> Any:
    try:
        return decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError) as error:
        raise Malformed(f"the request body cannot be read: {error}") from None


# What a write may change.


def touches(action: str, head: Head, layout: Layout) -> list[Touch]:
    """What an "upsert", "update" or "delete" in `layout.namespace` may change. Raises Malformed for an id that is
    none.
    """
    found: list[Touch] = []
    if action == "delete" and head.everything:
        found.append(clearing(layout))
    if action != "upsert" and head.filter is not None:
        # Where several namespaces share a collection this is too much, never too little.
        found.append(Matching(Native(DIALECT, head.filter), removes=action == "delete"))
    ids: list[str] = []
    if action == "upsert":
        ids = [item.id for item in head.vectors or ()]
    elif action == "delete":
        ids = head.ids or []
    elif head.id is not None:
        ids = [head.id]
    if ids:
        keys = tuple(to_key(layout, layout.namespace, one) for one in dict.fromkeys(ids))
        found.append(Ids(keys, removes=action == "delete"))
    return found or [Unknown(f"a Pinecone {action} that names no records")]


def clearing(layout: Layout, *, drops: bool = False) -> Touch:
    """All records of one namespace go: all of its collection, or an unknown part of what several share."""
    if layout.keys is not Keys.ID:
        return Matching(None, removes=True)
    return Whole(Scope.DROP if drops else Scope.CLEAR)


def document_touches(action: str, body: bytes, layout: Layout) -> list[Touch]:
    """What a request of the documents API may change: all of it where the request does not say ids."""
    given = read_object(body)
    listed = given.get("ids") if action == "delete" else given.get("documents")
    if given.get("delete_all"):
        return [clearing(layout)]
    if isinstance(listed, list) and listed and "filter" not in given:
        ids = [one if isinstance(one, str) else _document_id(one) for one in listed]
        keys = tuple(to_key(layout, layout.namespace, one) for one in dict.fromkeys(ids))
        return [Ids(keys, removes=action == "delete")]
    if isinstance(given.get("filter"), Mapping):
        # The documents API's filters say more than the vectors API's: nobody could ask for these records.
        return [Matching(None, removes=action == "delete")]
    return [Unknown(f"documents {action}")]


def record_touches(body: bytes, layout: Layout) -> list[Touch]:
    """What an upsert of texts to embed may change: newline-delimited objects with an `_id`, or `id`."""
    ids = [_document_id(_decoded(orjson.loads, line)) for line in body.splitlines() if line.strip()]
    return [Ids(tuple(to_key(layout, layout.namespace, one) for one in dict.fromkeys(ids)))]


def _document_id(document: Any) -> str:
    found = document.get("_id", document.get("id")) if isinstance(document, Mapping) else None
    if not isinstance(found, str):
        raise Malformed("every document must have an '_id' that is a string")
    return found
