"""Classes as they are made: checked as strictly as Weaviate does, and completed with its defaults.

Only what answers or the official clients depend on is completed and checked; other settings are kept as they were given.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Collection, Mapping
from typing import Any

from vectormigrate.stores.weaviate.wire.layout import TYPES
from vectormigrate.stores.weaviate.wire.shape import METRICS

from .endpoints import canonical
from .problems import Problem, invalid, not_served

Json = dict[str, Any]

_CLASS = re.compile(r"[A-Z][_0-9A-Za-z]{0,254}")
_PROPERTY = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,230}")
_RESERVED = frozenset({"id", "_id", "_additional"})
_TENANT = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TOKENIZATIONS = ("word", "lowercase", "whitespace", "field", "trigram")
_SINGLE = frozenset({"geoCoordinates", "phoneNumber", "blob", "blobHash"})
"""Types that have no list."""
_GRAPH: Json = {
    "skip": False,
    "cleanupIntervalSeconds": 300,
    "maxConnections": 32,
    "efConstruction": 128,
    "ef": -1,
    "dynamicEfMin": 100,
    "dynamicEfMax": 500,
    "dynamicEfFactor": 8,
    "vectorCacheMaxObjects": 1_000_000_000_000,
    "flatSearchCutoff": 40_000,
    "distance": "cosine",
    "pq": {
        "enabled": False,
        "bitCompression": False,
        "segments": 0,
        "centroids": 256,
        "trainingLimit": 100_000,
        "encoder": {"type": "kmeans", "distribution": "log-normal"},
    },
    "bq": {"enabled": False},
    "sq": {"enabled": False, "trainingLimit": 100_000, "rescoreLimit": 20},
    "rq": {"enabled": False, "bits": 8, "rescoreLimit": 20},
    "filterStrategy": "acorn",
    "multivector": {
        "enabled": False,
        "muvera": {"enabled": False, "ksim": 4, "dprojections": 16, "repetitions": 10},
        "aggregation": "maxSim",
    },
    "skipDefaultQuantization": False,
    "trackDefaultQuantization": False,
}
_FLAT: Json = {
    "distance": "cosine",
    "vectorCacheMaxObjects": 1_000_000_000_000,
    "pq": {"enabled": False, "rescoreLimit": -1, "cache": False},
    "bq": {"enabled": False, "rescoreLimit": -1, "cache": False},
    "sq": {"enabled": False, "rescoreLimit": -1, "cache": False},
    "rq": {"enabled": False, "rescoreLimit": 20, "bits": 1, "cache": False},
    "skipDefaultQuantization": False,
    "trackDefaultQuantization": False,
}
_DEFAULTS: Json = {
    "invertedIndexConfig": {
        "bm25": {"b": 0.75, "k1": 1.2},
        "cleanupIntervalSeconds": 60,
        "stopwords": {"additions": None, "preset": "en", "removals": None},
        "usingBlockMaxWAND": True,
    },
    "multiTenancyConfig": {"autoTenantActivation": False, "autoTenantCreation": False, "enabled": False},
    "replicationConfig": {"deletionStrategy": "TimeBasedResolution", "factor": 1, "asyncEnabled": False},
    "shardingConfig": {
        "actualCount": 1,
        "actualVirtualCount": 128,
        "desiredCount": 1,
        "desiredVirtualCount": 128,
        "function": "murmur3",
        "key": "_id",
        "strategy": "hash",
        "virtualPerPhysical": 128,
    },
}


def completed(given: Mapping[str, Any], classes: Collection[str]) -> Json:
    """The description of a class that is to be made beside these. Raises Problem for what Weaviate refuses."""
    name = canonical(str(given.get("class") or ""))
    if not _CLASS.fullmatch(name):
        raise invalid(f"'{given.get('class') or ''}' is not a valid class name")
    if name in classes:
        raise invalid(f"class name {name} already exists")
    described = with_defaults({**given, "class": name})
    known: list[str] = []
    properties = []
    for one in given.get("properties") or ():
        properties.append(completed_property(one, name, {*classes, name}, known))
        known.append(properties[-1]["name"])
    described["properties"] = properties
    _complete_vectors(described)
    return described


def with_defaults(given: Mapping[str, Any]) -> Json:
    """A description with every setting that the official clients expect in one."""
    described: Json = {**given}
    for key, default in _DEFAULTS.items():
        described[key] = _merged(default, given.get(key) or {})
    if described["multiTenancyConfig"]["enabled"]:
        described["shardingConfig"] = {}
    return described


def completed_property(
    given: Mapping[str, Any], class_name: str, classes: Collection[str], known: Collection[str]
) -> Json:
    """The description of a property that is to be added to those that are known. Raises Problem."""
    name = str(given.get("name") or "")
    name = name[:1].lower() + name[1:]
    if not _PROPERTY.fullmatch(name):
        raise invalid(
            f"'{name}' is not a valid property name. Property names in Weaviate are restricted to valid GraphQL names, "
            "which must be “/[_A-Za-z][_0-9A-Za-z]{0,230}/”"
        )
    if name in _RESERVED:
        raise invalid(f"'{name}' is a reserved property name")
    if name.lower() in (one.lower() for one in known):
        raise invalid(
            f'class "{class_name}": conflict for property "{name}": already in use or provided multiple times'
        )
    types = list(given.get("dataType") or ())
    _check_types(name, types, classes)
    text = types[0].removesuffix("[]") in ("text", "string")
    described: Json = {
        **{key: given[key] for key in ("description", "moduleConfig") if given.get(key)},
        "name": name,
        "dataType": types,
        "indexFilterable": given.get("indexFilterable", True),
        "indexRangeFilters": given.get("indexRangeFilters", False),
        "indexSearchable": given.get("indexSearchable", text),
    }
    if text:
        described["tokenization"] = given.get("tokenization") or "word"
        if described["tokenization"] not in _TOKENIZATIONS:
            raise not_served(f"texts that are tokenized by {described['tokenization']}")
    elif given.get("tokenization"):
        raise invalid(f"tokenization is not allowed for data type '{types[0]}'")
    if types[0].removesuffix("[]") == "object":
        members: list[Json] = []
        for one in given.get("nestedProperties") or ():
            members.append(completed_property(one, class_name, (), [each["name"] for each in members]))
        if not members:
            raise invalid(
                f"property '{name}': At least one nested property is required for data type object/object[]"
            )
        described["nestedProperties"] = members
    return described


def _check_types(name: str, types: list[str], classes: Collection[str]) -> None:
    if not types:
        raise invalid(f"property '{name}': invalid dataType: dataType must have at least one element")
    plain = types[0].removesuffix("[]")
    if len(types) == 1 and plain in TYPES and not (plain in _SINGLE and types[0].endswith("[]")):
        return
    for one in types:
        if not one[:1].isupper():
            raise invalid(
                f"property '{name}': invalid dataType: [{' '.join(types)}]: unknown primitive data type '{one}'"
            )
        if one not in classes:
            raise invalid(
                f"property '{name}': invalid dataType: [{' '.join(types)}]: reference property to "
                f"nonexistent class: class {one} does not exist"
            )


def _complete_vectors(described: Json) -> None:
    configs = described.get("vectorConfig")
    if configs:
        if described.get("vectorIndexType") or described.get("vectorizer"):
            raise invalid("class.vectorConfig and class.vectorizer cannot be set at the same time")
        described["vectorConfig"] = {name: _completed_vector(one) for name, one in configs.items()}
        return
    described.pop("vectorConfig", None)
    if described.setdefault("vectorizer", "none") != "none":
        raise not_served(f"vectors that {described['vectorizer']} makes")
    described |= _completed_index(described)


def _completed_vector(given: Mapping[str, Any]) -> Json:
    vectorizer = given.get("vectorizer") or {"none": {}}
    if not isinstance(vectorizer, Mapping) or list(vectorizer) != ["none"]:
        raise not_served(f"vectors that {', '.join(vectorizer)} makes")
    return {**given, "vectorizer": dict(vectorizer), **_completed_index(given)}


def _completed_index(given: Mapping[str, Any]) -> Json:
    kind = given.get("vectorIndexType") or "hnsw"
    if kind not in ("hnsw", "flat"):
        raise not_served(f"a vector index of type {kind!r}")
    config = _merged(_GRAPH if kind == "hnsw" else _FLAT, given.get("vectorIndexConfig") or {})
    if config["distance"] not in METRICS:
        raise invalid(
            f'unrecognized distance metric "{config["distance"]}",choose one of ["cosine", "dot", "l2-squared", '
            '"manhattan","hamming"]'
        )
    return {"vectorIndexType": kind, "vectorIndexConfig": config}


def _merged(default: Mapping[str, Any], given: Mapping[str, Any]) -> Json:
    merged = copy.deepcopy(dict(default))
    for key, value in given.items():
        held = merged.get(key)
        merged[key] = _merged(held, value) if isinstance(held, dict) and isinstance(value, dict) else value
    return merged


def updated(old: Json, given: Mapping[str, Any]) -> Json:
    """A description with settings that may change. Raises Problem for others."""
    names = [one.get("name") for one in given.get("properties") or ()]
    if names and names != [one["name"] for one in old["properties"]]:
        raise invalid(
            "property fields other than description cannot be updated through updating the class. Use the add property "
            'feature (e.g. "POST /v1/schema/{className}/properties") to add additional properties'
        )
    for key in ("multiTenancyConfig", "vectorConfig", "vectorIndexConfig"):
        if given.get(key) and _settled(key, _merged(old.get(key) or {}, given[key])) != _settled(
            key, old.get(key)
        ):
            raise not_served(f"a change of {key}")
    kept = ("description", "invertedIndexConfig", "replicationConfig")
    return {**old, **{key: given[key] for key in kept if key in given}}


def _settled(key: str, config: Any) -> Any:
    """What of a setting answers depend on."""
    if key == "multiTenancyConfig":
        return bool((config or {}).get("enabled"))
    if key == "vectorIndexConfig":
        return (config or {}).get("distance")
    return {
        name: _settled("vectorIndexConfig", one.get("vectorIndexConfig"))
        for name, one in (config or {}).items()
    }


_STATES = {"": "HOT", "ACTIVE": "HOT", "HOT": "HOT", "INACTIVE": "COLD", "COLD": "COLD"}


def tenant_of(given: Mapping[str, Any], index: int) -> tuple[str, str]:
    """Name and state of a tenant in a request. Raises Problem."""
    name, state = str(given.get("name") or ""), str(given.get("activityStatus") or "").upper()
    if not _TENANT.fullmatch(name):
        raise invalid(
            f"tenant name at index {index}:  '{name}' is not a valid tenant name. should only contain alphanumeric "
            "characters (a-z, A-Z, 0-9), underscore (_), and hyphen (-), with a length between 1 and 64 characters"
        )
    if state not in _STATES:
        raise Problem(422, 3, f"invalid activity status '{state}' for tenant \"{name}\"")
    return name, _STATES[state]
