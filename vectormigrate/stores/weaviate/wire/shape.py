"""A class of the schema, as JSON, to and from `CollectionShape` and `Layout`.

What the shape has words for goes into them; the rest (quantisation, sharding, replicas, inverted index, tokenisation,
references, nested properties) travels as it is in `CollectionShape.native["weaviate"]`, so that a copy in another
Weaviate is configured alike. But for the vectorizers: vectors are copied, so nothing may make them anew.

Weaviate has no place for the name of a key, for dimensions, nor for what a text holds that is JSON. A class that we make
has them in its description, behind a word of ours.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorIndex,
    VectorKind,
)
from vectormigrate.model.errors import StoreBroken, Unsupported
from vectormigrate.model.identity import ORIGINAL

from .layout import META, OURS, REFERENCE, TYPES, Layout, Property

Json = dict[str, Any]

KIND = "weaviate"
METRICS = {
    "cosine": Metric.COSINE,
    "dot": Metric.DOT,
    "l2-squared": Metric.EUCLID,
    "manhattan": Metric.MANHATTAN,
    "hamming": Metric.HAMMING,
}
WORDS = {metric: word for word, metric in METRICS.items()}
QUANTISERS = ("pq", "bq", "sq", "rq")
"""In the parameters of an index, what makes it search by fewer bits than the vectors have."""
_TIMES = frozenset({"_creationTimeUnix", "_lastUpdateTimeUnix", "creationTime", "updateTime"})
"""By what objects expire, if not by a date of their own."""
TENANT = "tenant"
"""The name of the first part of a key in a class with tenants."""
_OURS = "vectormigrate: "
_DEFAULT_KEY = "id"
_GRAPH = {"maxConnections": "m", "efConstruction": "ef_construction"}
_GRAPH_WORDS = {ours: word for word, ours in _GRAPH.items()}
_INDEXES = frozenset({"hnsw", "flat", "dynamic", "hfresh"})
_CARRIED = (
    "description",
    "invertedIndexConfig",
    "replicationConfig",
    "multiTenancyConfig",
    "objectTtlConfig",
)
_SHARDING = ("virtualPerPhysical", "desiredCount", "desiredVirtualCount")
_MADE = {
    FieldType.TEXT: "text",
    FieldType.INT: "int",
    FieldType.FLOAT: "number",
    FieldType.BOOL: "boolean",
    FieldType.DATETIME: "date",
    FieldType.UUID: "uuid",
    FieldType.BYTES: "blob",
    FieldType.JSON: "text",
}
_LISTED = frozenset(
    {FieldType.TEXT, FieldType.INT, FieldType.FLOAT, FieldType.BOOL, FieldType.DATETIME, FieldType.UUID}
)
_SURE = frozenset({FieldType.TEXT, FieldType.BOOL, FieldType.DATETIME, FieldType.UUID, FieldType.JSON})
"""Types whose every value a property gives back exactly."""


# From a class to a layout and a shape.


def read_layout(described: Mapping[str, Any], *, ours: bool = True) -> Layout:
    """What objects of a class need to know of it. Raises StoreBroken for what is no class.

    Not `ours`: what we put into a class is like anything else in it, as it is to applications.
    """
    try:
        marks = _read_description(described.get("description") or "")[1] if ours else {}
        properties = {one["name"]: _read_property(one, marks) for one in described.get("properties") or ()}
        tenants = bool((described.get("multiTenancyConfig") or {}).get("enabled"))
        vectors = _read_vectors(described, marks.get("dims"))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise StoreBroken(f"the description of a class cannot be read: {error!r}", store=KIND) from None
    return Layout(
        str(described.get("class")),
        {name: one for name, one in properties.items() if not ours or name != META},
        vectors,
        tenant_key() if tenants else IdField(marks.get("key", _DEFAULT_KEY), IdKind.UUID, KeyOrder.UUID),
        ours and META in properties,
        tenants,
    )


def read_shape(described: Mapping[str, Any], *, ours: bool = True) -> CollectionShape:
    """The shape of a class. A dimension that the class does not tell is None. Raises StoreBroken."""
    layout = read_layout(described, ours=ours)
    return CollectionShape(
        layout.name,
        layout.key,
        layout.vectors,
        tuple(_read_field(one) for one in layout.properties.values() if one.declared),
        layout.meta,
        (),
        {KIND: _read_native(described)},
    )


def layout_of(shape: CollectionShape) -> Layout:
    """The layout of the class that `write_class` makes of a shape."""
    return read_layout(write_class(shape))


def tenant_key() -> IdField:
    """The key in a class with tenants: an id is unique in its tenant only."""
    parts = (
        IdField(TENANT, IdKind.TEXT, KeyOrder.BYTES, 64),
        IdField(_DEFAULT_KEY, IdKind.UUID, KeyOrder.UUID),
    )
    return IdField(_DEFAULT_KEY, IdKind.COMPOUND, KeyOrder.OTHER, parts=parts)


def of_one_tenant(shape: CollectionShape, name: str) -> CollectionShape:
    """The shape of what one tenant of a class holds: a collection with ids of its own, under this name."""
    native = {key: value for key, value in shape.native[KIND].items() if key != "multiTenancyConfig"}
    key = IdField(_DEFAULT_KEY, IdKind.UUID, KeyOrder.UUID)
    return replace(shape, name=name, id=key, native={KIND: native})


def with_dims(shape: CollectionShape, dims: Mapping[str, int]) -> CollectionShape:
    """The shape with the dimensions of vectors that the class does not tell."""
    vectors = tuple(replace(one, dim=one.dim or dims.get(one.name)) for one in shape.vectors)
    return replace(shape, vectors=vectors)


def _read_description(description: str) -> tuple[str, Json]:
    """What stands in a description for people, and behind it what we wrote there; none where that is not readable."""
    theirs, word, text = description.rpartition(_OURS)
    try:
        marks = json.loads(text) if word else None
    except ValueError:
        marks = None
    return (theirs.rstrip("\n"), marks) if isinstance(marks, dict) else (description, {})


def _read_property(told: Mapping[str, Any], marks: Mapping[str, Any]) -> Property:
    types = [str(one) for one in told["dataType"]]
    known = types[0].removesuffix("[]") in TYPES
    nested = (_read_property(one, {}) for one in told.get("nestedProperties") or ())
    return Property(
        told["name"],
        types[0] if known else REFERENCE,
        () if known else tuple(types),
        {one.name: one for one in nested},
        told["name"] in marks.get("json", ()),
        told.get("indexFilterable") is not False,
        told.get("tokenization") or "word",
        told["name"] in marks.get("fields", (told["name"],)),
    )


def _read_field(one: Property) -> Field:
    return Field(one.name, one.field_type, True, one.element_type, indexed=one.filterable)


def _read_vectors(described: Mapping[str, Any], dims: Mapping[str, int] | None) -> tuple[VectorField, ...]:
    if dims is not None and not dims:
        return ()  # of a class that we made without any: Weaviate shows an unnamed one all the same
    return tuple(_read_vector(name, config, (dims or {}).get(name)) for name, config in _configs(described))


def _read_vector(name: str, config: Mapping[str, Any], dim: int | None) -> VectorField:
    kind = config["vectorIndexType"]
    params: Mapping[str, Any] = config.get("vectorIndexConfig") or {}
    graph: Mapping[str, Any] = params.get("hnsw") or params if kind != "flat" else {}
    many = bool((graph.get("multivector") or {}).get("enabled"))
    return VectorField(
        name,
        VectorKind.MULTI if many else VectorKind.DENSE,
        Element.FLOAT32,
        dim,
        METRICS[params.get("distance") or "cosine"],
        True,
        VectorIndex(kind, {ours: graph[word] for word, ours in _GRAPH.items() if word in graph}),
        quantised=_quantised(params),
    )


def _quantised(params: Mapping[str, Any]) -> str:
    """A dynamic index has parameters of the flat one and of the graph that it becomes."""
    for config in (params, params.get("hnsw") or {}, params.get("flat") or {}):
        for way in QUANTISERS:
            if (config.get(way) or {}).get("enabled"):
                return f"{KIND}:{way}"
    return ""


def _read_native(described: Mapping[str, Any]) -> Json:
    native = {key: described[key] for key in _CARRIED if described.get(key)}
    theirs, marks = _read_description(native.pop("description", ""))
    if theirs:
        native["description"] = theirs
    if marks:
        native["marked"] = True
    sharding = described.get("shardingConfig") or {}
    if "desiredCount" in sharding:
        native["shardingConfig"] = {key: sharding[key] for key in _SHARDING if key in sharding}
    native["properties"] = [one for one in described.get("properties") or () if one["name"] not in OURS]
    native["vectors"] = {
        name: {
            key: config[key]
            for key in ("vectorizer", "vectorIndexType", "vectorIndexConfig")
            if key in config
        }
        for name, config in _configs(described)
    }
    if described.get("moduleConfig"):
        native["moduleConfig"] = described["moduleConfig"]
    if makers := {name: maker for name, config in _configs(described) if (maker := _maker(config))}:
        native["makers"] = makers
    return native


def _maker(config: Mapping[str, Any]) -> str:
    """The module that makes a vector where none is given; "" when nobody does."""
    given = config.get("vectorizer") or "none"
    name = given if isinstance(given, str) else next(iter(given), "none")
    return "" if name == "none" else name


def _configs(described: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    unnamed = [("", described)] if described.get("vectorIndexType") else []
    return [*unnamed, *(described.get("vectorConfig") or {}).items()]


# From a shape to a class.


def settle(shape: CollectionShape) -> CollectionShape:
    """The shape that can be made of a wanted one: an array of what no list holds becomes JSON, and there is room for
    anything, but in a copy of a class whose properties say it all. Raises Unsupported.
    """
    if shape.id.kind is not IdKind.UUID and not has_tenants(shape):
        raise Unsupported(f"weaviate has no keys of kind {shape.id.kind}", store=KIND, collection=shape.name)
    for name in (field.name for field in shape.fields if field.type not in (*_MADE, FieldType.ARRAY)):
        raise Unsupported(f"weaviate has no property for field {name!r}", store=KIND, collection=shape.name)
    fields = tuple(
        replace(one, type=FieldType.JSON, element=None)
        if one.type is FieldType.ARRAY and one.element not in _LISTED
        else one
        for one in shape.fields
    )
    known = _kept(shape)
    plain = KIND in shape.native and all(one.name in known or one.type in _SURE for one in fields)
    return replace(shape, fields=fields, dynamic=shape.dynamic or not plain)


def _kept(shape: CollectionShape) -> dict[str, Json]:
    """The properties of the class that this shape came from which are what its fields ask for, by name."""
    native: Json = shape.native.get(KIND) or {}
    known = {one["name"]: one for one in native.get("properties", ())}
    return {one.name: known[one.name] for one in shape.fields if _fits(one, known.get(one.name))}


def write_class(wanted: CollectionShape) -> Json:
    """The body that makes a class of this shape. Raises Unsupported for vectors that Weaviate has no index for."""
    shape = settle(wanted)
    native: Json = shape.native.get(KIND) or {}
    tenants = has_tenants(shape)
    described: Json = {key: native[key] for key in (*_CARRIED, "shardingConfig") if key in native}
    if not tenants:
        described.pop("multiTenancyConfig", None)
    else:
        described.pop("shardingConfig", None)
        described["multiTenancyConfig"] = (native.get("multiTenancyConfig") or {}) | {
            "enabled": True,
            "autoTenantCreation": True,
        }
    described["class"] = shape.name
    kept = _kept(shape)
    described["properties"] = [
        _without_modules(kept[field.name]) if field.name in kept else _write_property(field)
        for field in shape.fields
    ]
    if shape.dynamic:
        described["properties"] += [_hidden(META), _hidden(ORIGINAL, filterable=True)]
    _write_vectors(described, shape, native.get("vectors") or {})
    marks = _marks(shape, kept, tenants)
    if marks:
        before = f"{described['description']}\n" if described.get("description") else ""
        described["description"] = f"{before}{_OURS}{json.dumps(marks)}"
    return described


def left_out(source: CollectionShape, made: CollectionShape) -> list[str]:
    """What a class does by itself and its copy does not, or differently: a line each."""
    native: Json = source.native.get(KIND) or {}
    makers: Mapping[str, str] = native.get("makers") or {}
    called = ((f"vector {name!r}" if name else "its vector", module) for name, module in makers.items())
    told = [
        f"{name} is made by {module} where an object comes without: the target's is not, until that is set up there"
        for name, module in called
    ]
    asked = sorted({*(native.get("moduleConfig") or {})} - {*makers.values()})
    told += [f"{module} is not set up for the target's class: configure it there" for module in asked]
    if has_tenants(source) and not has_tenants(made):
        told.append(
            "the target's class has no tenants, their names are part of its ids: --target-option keys=tenants keeps them"
        )
    return [*told, *_expiry(native.get("objectTtlConfig") or {})]


def _expiry(config: Mapping[str, Any]) -> list[str]:
    """What becomes of objects that Weaviate removes by itself: nobody sees that as a write."""
    if not config.get("enabled"):
        return []
    on = str(config.get("deleteOn"))
    if on not in _TIMES:
        return [f"objects expire by {on!r} on each side by itself, which is no write that is seen"]
    gone = "what has expired on the source meanwhile is there again behind a cutover, until it expires there"
    return [f"objects expire by {on!r}, which starts anew in the target: {gone}"]


def _without_modules(told: Json) -> Json:
    """A property without the settings of modules that make vectors: a class without the module refuses them."""
    return {key: value for key, value in told.items() if key != "moduleConfig"}


def write_class_of_tenants(wanted: CollectionShape) -> Json:
    """The body that makes a class for tenants of this shape, which says that it was made for them. Raises Unsupported."""
    described = write_class(wanted)
    described.pop("shardingConfig", None)
    described["multiTenancyConfig"] = {"enabled": True, "autoTenantCreation": False}
    theirs, marks = _read_description(described.get("description") or "")
    marks = {**marks, "made_for": "tenants"}
    described["description"] = f"{theirs}\n{_OURS}{json.dumps(marks)}".lstrip("\n")
    return described


def is_made_for_tenants(described: Mapping[str, Any]) -> bool:
    """Whether a class is there because a tenant of it was wanted: it goes with the last of them."""
    _, marks = _read_description(described.get("description") or "")
    return marks.get("made_for") == "tenants"


def has_tenants(shape: CollectionShape) -> bool:
    """Whether a class of this shape keeps its records in tenants: the first part of its key."""
    return [part.kind for part in shape.id.parts] == [IdKind.TEXT, IdKind.UUID]


def _fits(field: Field, native: Mapping[str, Any] | None) -> bool:
    """Whether a property of the source's class is what this field asks for."""
    if native is None:
        return False
    read = _read_field(_read_property(native, {}))
    return (read.type, read.element) == (field.type, field.element)


def _write_property(field: Field) -> Json:
    kind = (
        f"{_MADE[field.element or FieldType.TEXT]}[]" if field.type is FieldType.ARRAY else _MADE[field.type]
    )
    written: Json = {"name": field.name, "dataType": [kind]}
    if field.type in (FieldType.JSON, FieldType.BYTES):
        written |= {"indexFilterable": False}
        if kind == "text":
            written |= {"indexSearchable": False}
    return written


def undeclared_property(name: str, kind: str) -> Json:
    """A property for a key that nobody declared, with all that Weaviate does for a property of its type."""
    return {"name": name, "dataType": [kind], "description": "added by vectormigrate"}


def _hidden(name: str, *, filterable: bool = False) -> Json:
    return {
        "name": name,
        "dataType": ["text"],
        "tokenization": "field",
        "indexFilterable": filterable,
        "indexSearchable": False,
        "description": "kept by vectormigrate",
    }


def _write_vectors(described: Json, shape: CollectionShape, native: Mapping[str, Any]) -> None:
    names = [vector.name for vector in shape.vectors]
    if "" in names and len(names) > 1:
        raise Unsupported(
            "weaviate makes a class with an unnamed vector or with named ones, not with both",
            hint="name the unnamed one",
            store=KIND,
            collection=shape.name,
        )
    for vector in shape.vectors:
        config = _write_vector(vector, native.get(vector.name) or {}, shape.name)
        if vector.name:
            described.setdefault("vectorConfig", {})[vector.name] = {"vectorizer": {"none": {}}} | config
        else:
            described.update({"vectorizer": "none"} | config)
    if not names:
        described |= {"vectorizer": "none", "vectorIndexType": "hnsw", "vectorIndexConfig": {"skip": True}}


def _write_vector(vector: VectorField, native: Mapping[str, Any], collection: str) -> Json:
    many = vector.kind is VectorKind.MULTI
    metric = vector.metric or Metric.COSINE
    if vector.kind is VectorKind.SPARSE or metric not in WORDS or vector.element is not Element.FLOAT32:
        raise Unsupported(
            f"weaviate has no index for vector {vector.name!r}: {vector.kind}, {vector.element}, {metric}",
            store=KIND,
            collection=collection,
        )
    if many and not vector.name:
        raise Unsupported("weaviate needs a name for a multi-vector", store=KIND, collection=collection)
    wanted = vector.index.kind if vector.index else ""
    kind = wanted if wanted in _INDEXES else "hnsw"
    params: Json = (
        dict(native.get("vectorIndexConfig") or {}) if native.get("vectorIndexType") == kind else {}
    )
    params["distance"] = WORDS[metric]
    if kind == "hnsw":
        given = vector.index.params if vector.index else {}
        params |= {_GRAPH_WORDS[key]: value for key, value in given.items() if key in _GRAPH_WORDS}
        if many:
            params["multivector"] = (params.get("multivector") or {}) | {"enabled": True}
    return {"vectorIndexType": kind, "vectorIndexConfig": params}


def _marks(shape: CollectionShape, kept: Mapping[str, Any], tenants: bool) -> Json:
    """What the class itself cannot say. Nothing for a copy of a class of others: that objects tell how long vectors are is
    enough for it.
    """
    marks: Json = {}
    native: Json = shape.native.get(KIND) or {}
    copied = () if native.get("marked") else native.get("vectors") or ()
    if not tenants and not copied and shape.id.name != _DEFAULT_KEY:
        marks["key"] = shape.id.name
    if shape.dynamic:
        marks["fields"] = [one.name for one in shape.fields]
    if texts := [one.name for one in shape.fields if one.type is FieldType.JSON and one.name not in kept]:
        marks["json"] = texts
    dims = {vector.name: vector.dim for vector in shape.vectors if vector.dim and vector.name not in copied}
    if dims or not shape.vectors:
        marks["dims"] = dims
    return marks
