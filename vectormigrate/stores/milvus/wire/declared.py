"""What another Milvus says of a field or an index and no shape has words for, said again in a collection that is made.

That a number is an Int8, its default, its description, how a text is taken apart into words, of which type and name its index
is. A field's own words are its `FieldSchema` as JSON, in `Field.declared`, the name that it had among them: so they go with a
field that is given another name, and what the schema says of fields by name can be told of it. Everything else is looked up
in the shape's `native`. What becomes of rows is in `schema.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from google.protobuf.json_format import MessageToDict, ParseDict

from vectormigrate.model.collection import CollectionShape, Field, FieldType
from vectormigrate.stores.milvus.pb import schema_pb2

from .server import Server

DIALECT = "milvus"
DataType = schema_pb2.DataType

_CARRIED = frozenset(
    {
        DataType.Bool,
        DataType.Int8,
        DataType.Int16,
        DataType.Int32,
        DataType.Int64,
        DataType.Float,
        DataType.Double,
        DataType.VarChar,
        DataType.JSON,
        DataType.Array,
    }
)
"""Types of columns that a copy has as they are. Of the others, texts: geometry, time stamps."""
_USUAL = frozenset({DataType.Bool, DataType.Int64, DataType.Double, DataType.VarChar, DataType.JSON})
"""What a shape's own words come to."""
_ELSEWHERE = ("fieldID", "nullable", "state", "is_dynamic", "is_primary_key", "is_function_output")
"""What of a field is said elsewhere, or is no business of a copy."""
_SCALAR_INDEXES = frozenset({"INVERTED", "BITMAP", "STL_SORT", "Trie", "NGRAM"})
PROPERTIES = frozenset({"collection.ttl.seconds", "mmap.enabled", "partitionkey.isolation", "timezone"})
"""Properties of a collection that a copy gets."""


def own_words(field: Any) -> str:
    """A FieldSchema message for `Field.declared`; empty where a shape says it all, or a copy has another type."""
    if field.data_type not in _CARRIED:
        return ""
    told = MessageToDict(field, preserving_proto_field_name=True)
    words = {key: value for key, value in told.items() if key not in _ELSEWHERE}
    params = [pair for pair in words.get("type_params", ()) if pair["key"] != "max_length"]
    plain = field.data_type in _USUAL and not params and words.keys() <= {"name", "data_type", "type_params"}
    return "" if plain else f"{DIALECT}:{json.dumps(words)}"


def say_again(message: Any, field: Field) -> bool:
    """Fill in a field of a schema by its own words; False where it has none."""
    own = field.own_type(DIALECT)
    if not own:
        return False
    name = message.name
    ParseDict(json.loads(own), message, ignore_unknown_fields=True)
    message.name = name
    if field.type in (FieldType.TEXT, FieldType.ARRAY) and field.max_length is not None:
        _limit(message, "max_length" if field.type is FieldType.TEXT else "max_capacity", field.max_length)
    return True


def _limit(message: Any, key: str, value: int) -> None:
    """A text's most bytes, or a list's most elements, which the server that is written to may have cut."""
    for pair in message.type_params:
        if pair.key == key:
            pair.value = str(value)
            return
    message.type_params.add(key=key, value=str(value))


def data_types(shape: CollectionShape) -> dict[str, tuple[str, str]]:
    """The types of those fields that have words of their own, and of their elements."""
    words = {one.name: json.loads(own) for one in shape.fields if (own := one.own_type(DIALECT))}
    return {name: (told["data_type"], told.get("element_type", "")) for name, told in words.items()}


def names_now(shape: CollectionShape) -> dict[str, str]:
    """The names that fields had where the shape's `native` is from, to those that they have here."""
    names = {name: name for name in _named(shape)}
    for one in shape.fields:
        if own := one.own_type(DIALECT):
            names[json.loads(own)["name"]] = one.name
    return names


def _named(shape: CollectionShape) -> list[str]:
    return [*(one.name for one in shape.vectors), *(one.name for one in shape.fields)]


def native_schema(shape: CollectionShape) -> dict[str, Any]:
    """The schema of the Milvus that a shape is from; empty where it is from elsewhere."""
    told: dict[str, Any] = (shape.native.get(DIALECT) or {}).get("schema") or {}
    return told


def functions(
    shape: CollectionShape, server: Server | None
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The functions of BM25 that a copy has, in the names of the copy, each with the field that it makes: where the text arrives
    as it was, and there is room. `server` is None for any.
    """
    if server is not None and not server.words:
        return
    schema, names = native_schema(shape), names_now(shape)
    texts = {one.name for one in shape.fields if one.type is FieldType.TEXT}
    room = None if server is None else server.capabilities().max_vectors
    taken = {shape.id.name, *_named(shape)}
    fields = {one["name"]: one for one in schema.get("fields", ())}
    for held, function in enumerate(schema.get("functions", ()), len(shape.vectors) + 1):
        inputs = [names.get(one, "") for one in function.get("input_field_names", ())]
        outputs = function.get("output_field_names", ())
        if (
            function.get("type") == "BM25"
            and set(inputs) <= texts
            and len(outputs) == 1
            and outputs[0] in fields
            and outputs[0] not in taken
            and (room is None or held <= room)
        ):
            ids = ("id", "input_field_ids", "output_field_ids")
            told = {key: value for key, value in function.items() if key not in ids}
            made = {
                key: value for key, value in fields[outputs[0]].items() if key not in ("fieldID", "state")
            }
            yield {**told, "input_field_names": inputs}, made


def indexes(shape: CollectionShape, server: Server) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """The field, the name and the parameters of each index that a copy has besides those of its vectors."""
    names = names_now(shape)
    made = {field["name"] for _, field in functions(shape, server)}
    kinds = {one.name: one for one in shape.fields}
    for told in _indexes(shape):
        name = told["field"] if told["field"] in made else names.get(told["field"], "")
        params: dict[str, str] = told["params"]
        kind = params.get("index_type", "")
        if name in made:
            yield name, told["name"], params
        elif name in kinds and server.lite:
            if kinds[name].type not in (FieldType.ARRAY, FieldType.JSON):
                yield name, told["name"], {"index_type": server.scalar_index}
        elif name in kinds and kind in _SCALAR_INDEXES and server.scalar_index:
            yield name, told["name"], params


def own_index(shape: CollectionShape, vector: str, *, lite: bool) -> tuple[str, Mapping[str, str]]:
    """What the index of a vector was called, and its parameters; neither where it had none or the other kind of server."""
    own = shape.native.get(DIALECT) or {}
    if bool(own.get("lite")) is not lite:
        return "", {}
    told = own.get("indexes") or ()
    return next(((one["name"], one["params"]) for one in told if one["field"] == vector), ("", {}))


def describe_again(schema: Any, shape: CollectionShape, server: Server | None) -> None:
    """What a schema says of the collection, of its key, and of what is made of words."""
    told = native_schema(shape)
    schema.description = told.get("description", "")
    vectors = {one.name: one for one in shape.vectors}
    for field in told.get("fields", ()):
        for made in schema.fields:
            its_own = (
                made.is_primary_key if field.get("is_primary_key") else made.name == field["name"] in vectors
            )
            if its_own and not made.description:
                made.description = field.get("description", "")
    for function, field in functions(shape, server):
        ParseDict(field, schema.fields.add(), ignore_unknown_fields=True)
        ParseDict(function, schema.functions.add(), ignore_unknown_fields=True)


def properties(shape: CollectionShape) -> dict[str, str]:
    """The properties of a collection that a copy gets."""
    told: dict[str, str] = (shape.native.get(DIALECT) or {}).get("properties") or {}
    return {key: value for key, value in told.items() if key in PROPERTIES}


def left_out(source: CollectionShape, made: CollectionShape, server: Server) -> list[str]:
    """What another Milvus says of a collection, and a copy of it on this server would not have: a line each."""
    schema = native_schema(source)
    carried = {function["name"] for function, _ in functions(made, server)}
    lines = _left_out_of_fields(schema, names_now(made))
    for function in schema.get("functions", ()):
        if function["name"] not in carried:
            outputs = ", ".join(function.get("output_field_names", ()))
            lines.append(
                f"function {function['name']!r} ({function.get('type')}) is not carried: nothing makes {outputs} in the target"
            )
    told: dict[str, str] = (source.native.get(DIALECT) or {}).get("properties") or {}
    for key, value in told.items():
        if key == _TTL and value not in ("", "0", "-1"):
            lines.append(f"records live for {value} s ({_TTL}) from when they are copied")
        elif key not in PROPERTIES and not key.startswith("vectormigrate."):
            lines.append(f"property {key} = {value} is not carried")
    return lines


def _left_out_of_fields(schema: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    lines = []
    for field in schema.get("fields", ()):
        name, kind = field["name"], field.get("data_type", "")
        if field.get("is_primary_key") and (field.get("autoID") or schema.get("autoID")):
            lines.append(
                f"keys that Milvus makes (auto_id of {name!r}) are not carried: the target takes them from who writes"
            )
        if name in names and kind in _OTHER_THERE:
            lines.append(f"type {kind} of {name!r} is not carried: it is {_OTHER_THERE[kind]} in the target")
    return lines


_TTL = "collection.ttl.seconds"
_OTHER_THERE = {
    "Geometry": "VarChar",
    "Text": "VarChar",
    "String": "VarChar",
    "BFloat16Vector": "FloatVector",
}


def _indexes(shape: CollectionShape) -> Iterable[dict[str, Any]]:
    told: Iterable[dict[str, Any]] = (shape.native.get(DIALECT) or {}).get("indexes") or ()
    return told
