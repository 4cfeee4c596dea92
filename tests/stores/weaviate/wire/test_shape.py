"""Classes to shapes and back: what the shape has words for, what travels along, and what only a class of ours says."""

import re
from dataclasses import replace

import pytest

from tests.stores.weaviate.classes import FOREIGN, MADE
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
from vectormigrate.stores.weaviate.store.catalog import CAPABILITIES
from vectormigrate.stores.weaviate.wire import shape as wire


def with_tenants(described):
    return described | {"multiTenancyConfig": {"enabled": True, "autoTenantActivation": True}}


def test_a_class_of_others_is_read():
    shape = wire.read_shape(FOREIGN)
    assert (shape.name, shape.id) == ("Article", IdField("id", IdKind.UUID, KeyOrder.UUID))
    assert not shape.dynamic
    assert {field.name: (field.type, field.element) for field in shape.fields} == {
        "text": (FieldType.TEXT, None),
        "number": (FieldType.FLOAT, None),
        "int": (FieldType.INT, None),
        "boolean": (FieldType.BOOL, None),
        "date": (FieldType.DATETIME, None),
        "uuid": (FieldType.UUID, None),
        "blob": (FieldType.BYTES, None),
        "geo": (FieldType.JSON, None),
        "phone": (FieldType.JSON, None),
        "object": (FieldType.JSON, None),
        "objects": (FieldType.JSON, None),
        "texts": (FieldType.ARRAY, FieldType.TEXT),
        "numbers": (FieldType.ARRAY, FieldType.FLOAT),
        "ints": (FieldType.ARRAY, FieldType.INT),
        "booleans": (FieldType.ARRAY, FieldType.BOOL),
        "dates": (FieldType.ARRAY, FieldType.DATETIME),
        "uuids": (FieldType.ARRAY, FieldType.UUID),
        "author": (FieldType.ARRAY, FieldType.TEXT),
        "about": (FieldType.ARRAY, FieldType.TEXT),
    }
    assert [field.name for field in shape.fields if not field.indexed] == ["int"]
    assert shape.vectors == (
        VectorField("title", metric=Metric.DOT, index=VectorIndex("hnsw", {"m": 8, "ef_construction": 64})),
        VectorField("tokens", VectorKind.MULTI, metric=Metric.COSINE, index=VectorIndex("hnsw")),
        VectorField("flat", metric=Metric.EUCLID, index=VectorIndex("flat")),
        VectorField("grown", metric=Metric.MANHATTAN, index=VectorIndex("dynamic", {"m": 4})),
    )


def test_quantisation_is_named():
    read = wire.read_shape(FOREIGN)
    assert [one.quantised for one in read.vectors] == ["weaviate:pq", "", "weaviate:bq", ""]
    again = wire.read_shape(wire.write_class(replace(read, name="Copy")))
    assert [one.quantised for one in again.vectors] == [one.quantised for one in read.vectors]


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"rq": {"enabled": True}}, "weaviate:rq"),
        ({"sq": {"enabled": True}, "pq": {"enabled": False}}, "weaviate:sq"),
        ({"hnsw": {"pq": {"enabled": True}}, "flat": {}}, "weaviate:pq"),
        ({"hnsw": {}, "flat": {"bq": {"enabled": True}}}, "weaviate:bq"),
        ({"pq": {"enabled": False}, "bq": None}, ""),
    ],
)
def test_every_way_of_quantisation_is_known(params, word):
    kind = "dynamic" if "hnsw" in params else "hnsw"
    told = {"class": "C", "properties": [], "vectorIndexType": kind, "vectorIndexConfig": params}
    [vector] = wire.read_shape(told).vectors
    assert vector.quantised == word
    assert word in {"", *CAPABILITIES.quantises}


def test_a_copy_of_it_is_configured_alike_but_makes_no_vectors():
    shape = wire.with_dims(wire.read_shape(FOREIGN), {"title": 5})
    made = wire.write_class(replace(shape, name="Copy"))
    assert made["class"] == "Copy"
    assert made["properties"] == FOREIGN["properties"]
    for key in ("invertedIndexConfig", "replicationConfig"):
        assert made[key] == FOREIGN[key]
    assert made["shardingConfig"] == {"desiredCount": 3, "virtualPerPhysical": 128}
    for name, config in FOREIGN["vectorConfig"].items():
        assert made["vectorConfig"][name]["vectorizer"] == {"none": {}}
        assert made["vectorConfig"][name]["vectorIndexConfig"].items() >= config["vectorIndexConfig"].items()
        assert made["vectorConfig"][name]["vectorIndexType"] == config["vectorIndexType"]
    again = wire.read_shape(made)
    untold = tuple(replace(one, dim=None) for one in shape.vectors)
    assert (again.vectors, again.fields) == (untold, shape.fields)
    assert made["description"] == "what was written", (
        "and nothing of ours: that objects tell how long vectors are is enough"
    )
    assert wire.write_class(again) == made


def test_a_shape_of_ours_is_told_by_the_class_that_is_made_of_it():
    again = wire.read_shape(wire.write_class(MADE))
    assert again.id == replace(MADE.id, order=KeyOrder.UUID)
    assert (again.dynamic, again.name) == (True, "Docs")
    assert [(one.name, one.type, one.element) for one in again.fields] == [
        (one.name, one.type, one.element) for one in MADE.fields
    ]
    assert [(one.name, one.kind, one.dim, one.metric) for one in again.vectors] == [
        (one.name, one.kind, one.dim, one.metric) for one in MADE.vectors
    ]
    assert wire.read_shape(wire.write_class(again)) == again


def test_a_copy_of_a_plain_class_needs_nothing_of_ours():
    plain = CollectionShape(
        "Plain",
        IdField("id", IdKind.UUID),
        (VectorField("", metric=Metric.DOT),),
        (Field("label", FieldType.TEXT),),
        native={"weaviate": {}},
    )
    made = wire.write_class(plain)
    assert made == {
        "class": "Plain",
        "properties": [{"name": "label", "dataType": ["text"]}],
        "vectorizer": "none",
        "vectorIndexType": "hnsw",
        "vectorIndexConfig": {"distance": "dot"},
    }
    assert not wire.layout_of(plain).meta
    ours = wire.write_class(replace(plain, native={}))
    assert [one["name"] for one in ours["properties"]] == ["label", "_vm_meta", "_vm_id"]
    assert wire.read_shape(ours).dynamic
    assert [field.name for field in wire.read_shape(ours).fields] == ["label"]
    counted = wire.write_class(replace(plain, fields=(Field("n", FieldType.INT),)))
    assert wire.read_layout(counted).meta


def test_what_is_ours_can_be_looked_at_as_anything_else():
    made = wire.write_class(MADE)
    shape = wire.read_shape(made, ours=False)
    assert {"_vm_meta", "_vm_id"} <= {field.name for field in shape.fields}
    assert (shape.dynamic, shape.id.name, shape.vector("vec").dim) == (False, "id", None)
    assert not wire.read_layout(made, ours=False).properties["any"].json


@pytest.mark.parametrize("kind", [IdKind.TEXT, IdKind.INT, IdKind.COMPOUND])
def test_keys_of_other_kinds_are_refused(kind):
    with pytest.raises(Unsupported, match=kind):
        wire.write_class(replace(MADE, id=IdField("key", kind)))


def test_a_class_with_tenants_has_them_in_its_key():
    shape = wire.read_shape(with_tenants(FOREIGN))
    assert [part.kind for part in shape.id.parts] == [IdKind.TEXT, IdKind.UUID]
    made = wire.write_class(shape)
    assert made["multiTenancyConfig"] == {
        "enabled": True,
        "autoTenantActivation": True,
        "autoTenantCreation": True,
    }
    assert "shardingConfig" not in made
    assert wire.read_layout(made).multi_tenant
    one = wire.of_one_tenant(shape, "Article/red")
    assert (one.name, one.id.kind) == ("Article/red", IdKind.UUID)
    assert not wire.has_tenants(one)
    fresh = wire.write_class(replace(shape, native={}))
    assert fresh["multiTenancyConfig"] == {"enabled": True, "autoTenantCreation": True}


def test_no_vectors_stay_none():
    shape = replace(MADE, vectors=())
    assert wire.read_shape(wire.write_class(shape)).vectors == ()


def test_lists_of_what_no_list_holds_become_json():
    field = Field("many", FieldType.ARRAY, element=FieldType.BYTES)
    again = wire.read_shape(wire.write_class(replace(MADE, fields=(field,))))
    assert again.field_named("many").type is FieldType.JSON


@pytest.mark.parametrize(
    "vector",
    [
        VectorField("v", VectorKind.SPARSE, metric=Metric.DOT),
        VectorField("v", element=Element.BINARY, dim=8, metric=Metric.HAMMING),
        VectorField("v", metric=Metric.JACCARD),
        VectorField("", VectorKind.MULTI),
    ],
)
def test_vectors_without_an_index_are_refused(vector):
    with pytest.raises(Unsupported, match="weaviate"):
        wire.write_class(replace(MADE, vectors=(vector,)))


def test_what_cannot_be_declared_or_told_is_refused():
    with pytest.raises(Unsupported, match="'d'"):
        wire.write_class(replace(MADE, fields=(Field("d", FieldType.DECIMAL),)))
    with pytest.raises(Unsupported, match="unnamed"):
        wire.write_class(replace(MADE, vectors=(VectorField(""), VectorField("v"))))
    with pytest.raises(StoreBroken):
        wire.read_shape({"class": "X", "properties": [{"name": "no type"}]})


def test_a_description_that_somebody_changed_is_theirs():
    made = wire.write_class(MADE) | {"description": "vectormigrate: no longer ours"}
    assert wire.read_shape(made).id.name == "id"
    assert wire.read_shape(made).native["weaviate"]["description"] == made["description"]


def test_who_makes_vectors_is_known_and_not_copied():
    told = {
        "class": "C",
        "vectorConfig": {
            "own": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"},
            "made": {"vectorizer": {"text2vec-openai": {"model": "m"}}, "vectorIndexType": "hnsw"},
        },
    }
    shape = wire.read_shape(told)
    assert shape.native["weaviate"]["makers"] == {"made": "text2vec-openai"}
    assert wire.read_shape({"class": "C", "vectorizer": "text2vec-x", "vectorIndexType": "hnsw"}).native[
        "weaviate"
    ]["makers"] == {"": "text2vec-x"}
    assert wire.write_class(shape)["vectorConfig"]["made"]["vectorizer"] == {"none": {}}


@pytest.mark.parametrize("before", ["", "of the library"])
def test_a_class_that_is_made_for_its_tenants_says_so(before):
    wanted = replace(
        MADE, native={"weaviate": {"description": before, "shardingConfig": {"desiredCount": 3}}}
    )
    plain, made = wire.write_class(wanted), wire.write_class_of_tenants(wanted)
    assert made["multiTenancyConfig"] == {"enabled": True, "autoTenantCreation": False}
    assert "shardingConfig" not in made
    assert made["description"].startswith(before)
    assert (wire.is_made_for_tenants(made), wire.is_made_for_tenants(plain)) == (True, False)
    assert not wire.is_made_for_tenants({"class": "Plain"})
    assert wire.of_one_tenant(wire.read_shape(made), "A/b").fields == wire.read_shape(plain).fields


MADE_BY_MODULES = {
    "class": "Made",
    "properties": [
        {
            "name": "text",
            "dataType": ["text"],
            "moduleConfig": {"text2vec-openai": {"skip": True}},
            "description": "words",
        }
    ],
    "moduleConfig": {"generative-openai": {"model": "m"}, "reranker-cohere": {}},
    "vectorConfig": {
        "a": {"vectorizer": {"text2vec-openai": {"model": "small"}}, "vectorIndexType": "hnsw"},
        "b": {"vectorizer": {"none": {}}, "vectorIndexType": "hnsw"},
    },
}


def test_who_makes_vectors_is_told_where_nobody_makes_them_anew():
    made = wire.read_shape(MADE_BY_MODULES)
    assert wire.left_out(made, made) == [
        "vector 'a' is made by text2vec-openai where an object comes without: the target's is not, until that is set up there",
        "generative-openai is not set up for the target's class: configure it there",
        "reranker-cohere is not set up for the target's class: configure it there",
    ]
    assert "openai" not in str(wire.write_class(made)), "and that is so"
    assert wire.left_out(wire.read_shape(MADE_BY_NOBODY), made) == []


def test_a_copy_of_a_class_with_a_module_is_not_refused_for_what_its_properties_say_of_it():
    """Weaviate refuses a property that configures a vectorizer which the class has not."""
    assert wire.write_class(wire.read_shape(MADE_BY_MODULES))["properties"] == [
        {"name": "text", "dataType": ["text"], "description": "words"}
    ]


def test_an_index_of_each_type_stays_of_it():
    params = {"distance": "cosine", "maxPostingSizeKB": 48, "replicas": 4, "searchProbe": 64}
    told = {"class": "C", "properties": [], "vectorIndexType": "hfresh", "vectorIndexConfig": params}
    made = wire.write_class(wire.read_shape(told))
    assert (made["vectorIndexType"], made["vectorIndexConfig"]) == ("hfresh", params)


@pytest.mark.parametrize(
    ("on", "said"),
    [("at", r"'at' on each side by itself"), ("_creationTimeUnix", r"starts anew in the target")],
)
def test_what_expires_goes_on_to_expire_and_is_told(on, said):
    config = {"enabled": True, "deleteOn": on, "defaultTtl": 60, "filterExpiredObjects": True}
    shape = wire.read_shape({**MADE_BY_NOBODY, "objectTtlConfig": config})
    assert wire.write_class(shape)["objectTtlConfig"] == config
    [note] = wire.left_out(shape, shape)
    assert re.search(said, note)
    off = wire.read_shape({**MADE_BY_NOBODY, "objectTtlConfig": {"enabled": False}})
    assert wire.left_out(off, off) == []


def test_tenants_that_become_a_part_of_ids_are_told():
    shape = wire.read_shape(with_tenants(MADE_BY_NOBODY))
    plain = wire.read_shape(MADE_BY_NOBODY)
    [note] = wire.left_out(shape, plain)
    assert "keys=tenants" in note
    assert wire.left_out(shape, shape) == wire.left_out(plain, plain) == []


MADE_BY_NOBODY = {"class": "Plain", "properties": [], "vectorIndexType": "hnsw", "vectorizer": "none"}
