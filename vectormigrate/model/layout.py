"""How application frameworks lay text and metadata in a record: one pure way from one layout to another, and back.

LangChain, LlamaIndex, Haystack and mem0 each put the same document elsewhere in each store (`profiles`). Payload copied as it is arrives
whole, and the application finds empty texts. A `Relayout` takes a payload apart as the source's framework would read it and puts
it together as the target's would. What that has no place for stands, as it was, under `_vm_layout`: the way back finds it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from .collection import CollectionShape, Field, FieldType, IdKind, VectorKind
from .errors import RecordRefused, Unsupported
from .filter import Path
from .profiles import ASIDE, PROFILES, Profile
from .record import Payload, RecordId

REST = "_vm_layout"
"""Payload key for what the target's framework has no place for."""
NODE = "_node_content"
"""LlamaIndex's key for the whole node, as JSON text."""
SEEN = "id"
"""What is called so in `Document.rest` is the id that an application sees, where that is not the record's."""

_ESCAPED = re.compile(r"\\u(?!00[01])")
"""A letter that need not have been escaped."""
_MOST_WORDS = 65_535
"""Letters that mem0 gives Milvus to look for words in."""


@dataclass(frozen=True, slots=True)
class LayoutPlan:
    """Which layouts a migration goes from and to: names of `PROFILES`."""

    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Document:
    """One record as its application reads it."""

    text: str | None
    metadata: Payload | None
    rest: Payload
    """What is neither."""


def read(profile: Profile, payload: Payload, record_id: RecordId) -> Document:
    """What the framework makes of a payload. Raises RecordRefused for metadata that is none."""
    rest = dict(payload)
    text = rest.pop(profile.text, None) if profile.text else None
    metadata: Payload | None
    if profile.nested:
        metadata = _mapping(rest.pop(profile.nested, None), profile.nested)
        if profile.closed and metadata is not None and REST in metadata:
            metadata = dict(metadata)
            rest[REST] = metadata.pop(REST)
    else:
        metadata = {key: rest.pop(key) for key in list(rest) if key not in profile.own and key != REST}
        if profile.aside and isinstance(metadata.get(ASIDE), dict):
            metadata = {**metadata.pop(ASIDE), **metadata}
    if metadata is not None and profile.framework == "llamaindex":
        text, metadata = _outside(text, metadata)
    rest = {key: value for key, value in rest.items() if key not in profile.own or value is not None}
    if profile.id_key:
        seen = rest.pop(profile.id_key, str(record_id))
        rest = rest if seen == str(record_id) else {**rest, SEEN: seen}
    if profile.words and rest.get(profile.words) == _words(metadata):
        rest.pop(profile.words, None)
    return Document(text, metadata, rest)


def write(profile: Profile, document: Document, record_id: RecordId) -> Payload:
    """The payload in which the framework finds the document. Raises RecordRefused where two things want one key."""
    text, metadata = document.text, document.metadata
    if profile.in_node and metadata is not None:
        text, metadata = None, _inside(text, metadata)
    payload: Payload = {}
    if profile.nested:
        payload[profile.nested] = {} if metadata is None and profile.filled else metadata
    else:
        payload.update(_flat(profile, metadata or {}))
    if profile.text and (text is not None or profile.declares):
        _put(payload, profile.text, text, "the text")
    own: Payload = {profile.words: _words(metadata)} if profile.words else {}
    rest: Payload = {}
    for key, value in document.rest.items():
        (own if key in profile.own else rest)[key] = value
    for key, value in _mapping(rest.pop(REST, None), REST, {}).items():
        (own if key in profile.own or profile.nested else rest)[key] = value
    if profile.id_key:
        own[profile.id_key] = own.pop(SEEN, rest.pop(SEEN, str(record_id)))
    nothing = {} if profile.kind == "weaviate" else dict.fromkeys(profile.own)  # where null is missing
    for key, value in {**nothing, **own}.items():
        _put(payload, key, value, "what the framework keeps there")
    if rest and profile.closed and metadata is not None:
        payload[profile.nested] = {**metadata, REST: rest}
    elif rest:
        _put(payload, REST, rest, "what has no other place")
    return payload


def _words(metadata: Payload | None) -> str:
    """What mem0 has its memories found by, where it is given words."""
    told = metadata or {}
    words = told.get("text_lemmatized") or told.get("data", "")
    return words[:_MOST_WORDS] if isinstance(words, str) else ""


def _flat(profile: Profile, metadata: Payload) -> Payload:
    """Metadata as they lie beside the text."""
    aside = {key: value for key, value in metadata.items() if key in profile.aside}
    flat = {key: value for key, value in metadata.items() if key not in aside}
    return {**flat, ASIDE: aside} if aside else flat


def _put(payload: Payload, key: str, value: Any, what: str) -> None:
    if key in payload:
        raise RecordRefused(f"metadata has a key {key!r}, where {what} goes")
    payload[key] = value


def _mapping(value: Any, key: str, default: Payload | None = None) -> Any:
    if value is None:
        return default
    if not isinstance(value, dict):
        raise RecordRefused(f"key {key!r} holds {type(value).__name__} and no metadata")
    return value


def _outside(text: Any, metadata: Payload) -> tuple[Any, Payload]:
    """The text out of the node, which is left with an empty one, and metadata with the node's own numbers."""
    node = _node(metadata)
    if node is None:
        return text, metadata
    metadata = _whole(metadata, node)
    if not node.get("text"):
        return text, metadata
    return node["text"], {**metadata, NODE: _dumped({**node, "text": ""}, metadata[NODE])}


def _whole(metadata: Payload, node: dict[str, Any]) -> Payload:
    """Metadata in which a number is an integer where the node says so: Pinecone, and Weaviate by itself, keep floats only, and
    a filter for 7 does not find 7.0 in Qdrant.
    """
    own = node.get("metadata")
    if not isinstance(own, dict):
        return metadata
    return {
        key: own[key]
        if isinstance(value, float) and type(own.get(key)) is int and own[key] == value
        else value
        for key, value in metadata.items()
    }


def _inside(text: Any, metadata: Payload) -> Payload:
    """The text into the node."""
    node = _node(metadata)
    if node is None or text is None:
        return metadata
    return {**metadata, NODE: _dumped({**node, "text": text}, metadata[NODE])}


def _dumped(node: dict[str, Any], before: str) -> str:
    """As LlamaIndex writes it, so that the same node is the same bytes; it has escaped letters in earlier releases."""
    return json.dumps(node, ensure_ascii=bool(_ESCAPED.search(before)))


def _node(metadata: Payload) -> dict[str, Any] | None:
    held = metadata.get(NODE)
    try:
        node = json.loads(held) if isinstance(held, str) else None
    except ValueError:
        return None
    return node if isinstance(node, dict) else None


class Relayout:
    """From one framework's layout in one store to its layout in another, both ways. Stateless; safe in threads."""

    def __init__(self, plan: LayoutPlan) -> None:
        self._source = PROFILES[plan.source]
        self._target = PROFILES[plan.target]

    def forward(self, payload: Payload, record_id: RecordId) -> Payload:
        """A payload of the source as the target's framework looks for it. Raises RecordRefused."""
        return write(self._target, read(self._source, payload, record_id), record_id)

    def backward(self, payload: Payload, record_id: RecordId) -> Payload:
        """The reverse: `record_id` is the source's."""
        return write(self._source, read(self._target, payload, record_id), record_id)

    def path(self, path: Path) -> Path:
        """Where the target keeps what the source has at a path. Raises Unsupported where it cannot be asked for."""
        source, target = self._source, self._target
        first, rest = path[0], path[1:]
        if source.text and first == source.text:
            if not target.text:
                raise Unsupported(f"the text {first!r} stands inside another value there")
            return (target.text, *rest)
        if first == NODE or (source.nested and path[:2] == (source.nested, NODE)):
            raise Unsupported("the node is another text there")
        if first == (source.nested or (ASIDE if source.aside else None)):
            if rest:
                return target.within(rest)
            if source.nested and target.nested:
                return (target.nested,)
            raise Unsupported(f"the metadata {first!r} lies flat there")
        aside = (target.nested, REST) if target.closed else (REST,)
        if first == (source.id_key or None):
            return (target.id_key,) if target.id_key else (*aside, SEEN)
        if first == (source.words or None) and first not in target.own:
            raise Unsupported(f"the text {first!r} is made of the metadata, and is not there")
        if source.nested or first in source.own:
            return path if first in target.own else (*aside, *path)
        return target.within(path)

    def shape(self, source: CollectionShape, existing: CollectionShape | None = None) -> CollectionShape:
        """The source as if its records had been laid out so. A table that is `existing` and has no column for what has no other
        place gets none: a record that needs it is refused by itself.
        """
        target = self._target
        if target.counter:
            source = replace(source, native={**source.native, target.kind: {"counter": target.counter}})
        if not target.declares:
            return replace(source, fields=(), dynamic=True)
        fields = [Field(target.text, FieldType.TEXT)] if target.text else []
        if target.nested:
            fields.append(Field(target.nested, FieldType.JSON))
        known = {one.name: one for one in source.fields}
        fields += [
            known.get(name, Field(name, FieldType.TEXT))
            for name in target.own
            if name in known or name == target.words
        ]
        if not target.nested:
            moved = {self._source.text, self._source.nested, *self._source.own, *(one.name for one in fields)}
            fields += [one for one in source.fields if one.name not in moved]
            return replace(source, fields=tuple(fields), dynamic=True)
        if existing is None or existing.dynamic or existing.field_named(REST) is not None:
            fields.append(Field(REST, FieldType.JSON))
        return replace(source, fields=tuple(fields), dynamic=False)

    def renames(self, source: CollectionShape) -> dict[str, str]:
        """What key and vector are called where the framework makes the collection."""
        dense = [vector.name for vector in source.vectors if vector.kind is VectorKind.DENSE]
        other = "" if source.id.kind is IdKind.INT else self._target.other_key
        key = other or self._target.key
        named = {source.id.name: key} if key and source.id.name else {}
        if len(dense) == 1:
            named[dense[0]] = self._target.vector
        return named
