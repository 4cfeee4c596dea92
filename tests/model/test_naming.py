"""Names on the target."""

from dataclasses import replace

from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind, VectorField
from vectormigrate.model.naming import Names, out_of_the_way
from vectormigrate.stores.memory import CAPABILITIES

STRICT = replace(
    CAPABILITIES, name_pattern="[A-Za-z_][A-Za-z0-9_]*", reserved_names=frozenset({"iso"}), vector_pattern=""
)


def test_a_name_that_fits_stays():
    assert Names(STRICT, {}).target("title") == "title"
    assert Names(CAPABILITIES, {}).target("a b.c") == "a b.c"


def test_a_name_is_bent_no_more_than_it_must_be():
    names = Names(STRICT, {"x": "9"})
    assert [names.target(one) for one in ("a.b", "9", "iso", "x")] == ["a_b", "f_9", "f_iso", "f_9_2"]


def test_no_two_are_alike():
    names = Names(STRICT, {})
    assert [names.target("a") for _ in range(3)] == ["a", "a_2", "a_3"]


def test_vectors_may_have_a_grammar_of_their_own_and_need_a_name_where_none_may_be_empty():
    assert Names(STRICT, {}).vector("") == "vector"
    assert Names(replace(STRICT, vector_pattern=".*"), {}).vector("") == ""
    assert Names(replace(STRICT, vector_pattern="[a-z]+"), {}).vector("dense") == "dense"


def test_a_vector_without_a_name_can_be_given_one_and_one_with_a_name_can_lose_it():
    assert Names(STRICT, {"": "embedding"}).vector("") == "embedding"
    loose = replace(STRICT, vector_pattern=".*")
    assert Names(loose, {"embedding": ""}).vector("embedding") == ""
    assert Names(STRICT, {"embedding": ""}).vector("embedding") == "vector"


def test_undeclared_keys_step_aside_for_what_is_called_like_them():
    shape = CollectionShape(
        "docs", IdField("id", IdKind.INT), (VectorField("v"),), (Field("f", FieldType.INT),), dynamic=True
    )
    names = Names(STRICT, {})
    names.target("dense")
    moved = out_of_the_way(shape, frozenset({"dense", "f", "v", "id"}), names)
    assert moved == {"dense": "dense_2", "id": "id_2"}
