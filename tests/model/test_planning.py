"""Plans for every reason that a target may have: new collections by capability, existing ones by shape."""

from __future__ import annotations

from dataclasses import replace

import pytest

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
    VectorKind,
)
from vectormigrate.model.edits import Edit
from vectormigrate.model.errors import MappingRefused, ShapeMismatch
from vectormigrate.model.identity import IdRule
from vectormigrate.model.layout import LayoutPlan
from vectormigrate.model.plan import PARTITION, Fate, MappingOptions
from vectormigrate.model.planning import make_plan
from vectormigrate.stores.memory import CAPABILITIES

VEC = VectorField("vec", dim=4, metric=Metric.COSINE)
SOURCE = CollectionShape(
    "src", IdField("key", IdKind.INT), (VEC,), (Field("f", FieldType.DECIMAL), Field("g", FieldType.TEXT))
)


def able(**lacks):
    return replace(CAPABILITIES, **lacks)


def with_vectors(*vectors: VectorField, **more) -> CollectionShape:
    return replace(SOURCE, vectors=vectors, **more)


def fates(plan) -> dict[str, Fate]:
    return {part.source: part.fate for part in (*plan.vectors, *plan.fields)}


NOWHERE = able(partitions=False, dynamic=False, field_types=CAPABILITIES.field_types - {FieldType.TEXT})


class TestNew:
    def test_a_store_that_can_do_everything_gets_the_same_shape(self):
        plan = make_plan(SOURCE, CAPABILITIES, "copy")
        assert plan.target == replace(SOURCE, name="copy", id=IdField("key", IdKind.INT, KeyOrder.NUMERIC))
        assert set(fates(plan).values()) == {Fate.EXACT}
        assert plan.losses() == []

    def test_keys_become_text_where_they_must(self):
        plan = make_plan(SOURCE, able(id_kinds=frozenset({IdKind.TEXT}), key_order=frozenset()), "copy")
        assert plan.id_rule is IdRule.INT_TEXT
        assert plan.target.id == IdField("key", IdKind.TEXT, KeyOrder.OTHER)

    def test_a_compound_key_keeps_its_parts(self):
        key = IdField("", IdKind.COMPOUND, parts=(IdField("a", IdKind.TEXT), IdField("b", IdKind.INT)))
        assert make_plan(replace(SOURCE, id=key), CAPABILITIES, "copy").target.id.parts == key.parts

    def test_names_are_made_to_fit_and_never_two_alike(self):
        fields = tuple(Field(name, FieldType.TEXT) for name in ("a.b", "a_b", "9", "id", "a b"))
        capabilities = able(name_pattern="[A-Za-z_][A-Za-z0-9_]*", reserved_names=frozenset({"id"}))
        plan = make_plan(replace(SOURCE, fields=fields), capabilities, "copy")
        assert [field.name for field in plan.target.fields] == ["a_b", "a_b_2", "f_9", "f_id", "a_b_3"]
        assert all(field.reason.startswith("renamed to") for field in plan.fields)

    def test_names_are_changed_on_request(self):
        plan = make_plan(
            SOURCE, CAPABILITIES, "copy", options=MappingOptions(rename={"f": "x", "vec": "y", "key": "z"})
        )
        assert [plan.target.fields[0].name, plan.target.vectors[0].name, plan.target.id.name] == [
            "x",
            "y",
            "z",
        ]

    def test_an_unnamed_vector_gets_a_name(self):
        plan = make_plan(with_vectors(replace(VEC, name="")), CAPABILITIES, "copy")
        assert plan.target.vectors[0].name == "vector"
        plan = make_plan(with_vectors(replace(VEC, name="")), able(name_pattern=".*"), "copy")
        assert (plan.target.vectors[0].name, fates(plan)[""]) == ("", Fate.EXACT)

    @pytest.mark.parametrize(("name", "given"), [("", ""), ("Title", "Title"), ("a-b", "f_a_b")])
    def test_a_vectors_name_may_have_a_grammar_of_its_own(self, name, given):
        apart = able(name_pattern="[a-z]+", vector_pattern="(|f_.*|[A-Z].*)")
        plan = make_plan(with_vectors(replace(VEC, name=name)), apart, "copy")
        assert plan.target.vectors[0].name == given

    def test_what_only_a_like_store_understands_goes_along(self):
        native = {"some": {"quantization_config": {"scalar": {"type": "int8"}}}}
        assert make_plan(replace(SOURCE, native=native), CAPABILITIES, "copy").target.native == native

    def test_integers_become_numbers_of_a_mixed_key(self):
        plan = make_plan(SOURCE, able(id_kinds=frozenset({IdKind.MIXED})), "copy")
        assert (plan.id_rule, plan.target.id.kind) == (IdRule.INT_MIXED, IdKind.MIXED)

    def test_doubles_that_lose_a_digit_are_told(self):
        source = replace(SOURCE, fields=(Field("f", FieldType.FLOAT), Field("g", FieldType.INT)))
        plan = make_plan(source, able(inexact_doubles=True), "copy")
        assert (fates(plan)["f"], fates(plan)["g"]) == (Fate.CONVERTED, Fate.EXACT)
        assert "last digit" in plan.fields[0].reason

    def test_whole_numbers_are_not_normalised(self):
        whole = replace(VEC, element=Element.UINT8)
        elements = CAPABILITIES.elements | {Element.UINT8}
        plan = make_plan(with_vectors(whole), able(normalises_cosine=True, elements=elements), "copy")
        assert not plan.vectors[0].normalised

    def test_a_type_that_is_not_there_is_converted(self):
        plan = make_plan(SOURCE, able(field_types=frozenset({FieldType.TEXT})), "copy")
        assert plan.target.field_named("f") == Field("f", FieldType.TEXT)
        assert plan.fields[0].conversion == "decimal_text"
        assert fates(plan) == {"vec": Fate.EXACT, "f": Fate.CONVERTED, "g": Fate.EXACT}

    def test_no_type_at_all_is_refused_and_may_be_dropped(self):
        nothing = able(field_types=frozenset({FieldType.INT}))
        plan = make_plan(SOURCE, nothing, "copy", options=MappingOptions(drop=("g",)))
        assert fates(plan) == {"vec": Fate.EXACT, "f": Fate.REFUSED, "g": Fate.DROPPED}
        assert plan.target.fields == ()

    @pytest.mark.parametrize(
        ("vector", "lacks", "words"),
        [
            (replace(VEC, kind=VectorKind.MULTI), {"multi": False}, "no multi"),
            (replace(VEC, element=Element.BINARY), {"elements": frozenset({Element.FLOAT32})}, "no binary"),
            (VEC, {"elements": frozenset({Element.FLOAT16})}, "no float32"),
            (VEC, {"max_dim": 3}, "at most 3"),
            (VEC, {"max_vectors": 0}, "at most 0 vectors"),
            (VEC, {"metrics": frozenset({Metric.DOT})}, "does not compare by cosine"),
        ],
    )
    def test_a_vector_that_cannot_be_held_is_refused_with_its_reason(self, vector, lacks, words):
        plan = make_plan(with_vectors(vector), able(**lacks), "copy")
        assert plan.vectors[0].fate is Fate.REFUSED
        assert words in plan.vectors[0].reason
        assert plan.target.vectors == ()
        dropped = make_plan(
            with_vectors(vector), able(**lacks), "copy", options=MappingOptions(drop=("vec",))
        )
        dropped.check()

    @pytest.mark.parametrize(
        ("element", "wider"), [(Element.INT8, Element.FLOAT16), (Element.FLOAT16, Element.FLOAT32)]
    )
    def test_elements_are_widened_as_little_as_possible(self, element, wider):
        elements = frozenset({Element.FLOAT32, wider})
        plan = make_plan(with_vectors(replace(VEC, element=element)), able(elements=elements), "copy")
        assert plan.target.vectors[0].element is plan.vectors[0].element is wider
        assert plan.vectors[0].reason == f"{element} widened to {wider}"

    def test_what_the_target_does_to_cosine_is_announced(self):
        plan = make_plan(SOURCE, able(normalises_cosine=True), "copy")
        assert plan.vectors[0].normalised
        assert (
            not make_plan(with_vectors(replace(VEC, metric=Metric.DOT)), able(normalises_cosine=True), "c")
            .vectors[0]
            .normalised
        )

    def test_a_metric_is_given_where_none_is_declared(self):
        plan = make_plan(
            with_vectors(replace(VEC, metric=None)),
            CAPABILITIES,
            "c",
            options=MappingOptions(metric=Metric.DOT),
        )
        assert plan.target.vectors[0].metric is Metric.DOT

    def test_vectors_are_needed_where_none_may_be_missing(self):
        assert not make_plan(SOURCE, able(nullable_vectors=False), "copy").target.vectors[0].nullable

    def test_undeclared_keys_need_a_place_or_leave(self):
        dynamic = replace(SOURCE, dynamic=True)
        assert make_plan(dynamic, CAPABILITIES, "copy").target.dynamic
        with pytest.raises(MappingRefused):
            make_plan(dynamic, able(dynamic=False), "copy").check()
        plan = make_plan(dynamic, able(dynamic=False), "copy", options=MappingOptions(drop=("*", "some_key")))
        plan.check()
        assert fates(plan)["*"] is fates(plan)["some_key"] is Fate.DROPPED

    def test_spreading_makes_the_keys_undeclared(self):
        source = replace(SOURCE, fields=(Field("meta", FieldType.JSON),))
        plan = make_plan(source, CAPABILITIES, "copy", options=MappingOptions(spread=("meta",)))
        assert (plan.target.fields, plan.target.dynamic, plan.spread) == ((), True, ("meta",))

    @pytest.mark.parametrize(
        "options", [{"drop": ("typo",)}, {"rename": {"typo": "x"}}, {"spread": ("typo",)}, {"narrow": ("f",)}]
    )
    def test_a_name_that_the_source_has_not_is_told(self, options):
        with pytest.raises(MappingRefused) as caught:
            make_plan(SOURCE, CAPABILITIES, "copy", options=MappingOptions(**options))
        assert caught.value.hint == "it has: f, g, key, vec"

    def test_where_no_field_can_be_declared_all_are_undeclared_keys(self):
        plan = make_plan(SOURCE, able(field_types=frozenset()), "copy")
        plan.check()
        assert (plan.target.fields, plan.target.dynamic) == ((), True)
        assert {plan.source for plan in plan.fields if plan.kept} == {field.name for field in SOURCE.fields}
        with pytest.raises(MappingRefused):
            make_plan(SOURCE, able(field_types=frozenset(), dynamic=False), "copy").check()

    def test_a_second_dense_vector_may_have_no_room_where_a_sparse_one_has(self):
        source = with_vectors(VEC, replace(VEC, name="two"), VectorField("words", VectorKind.SPARSE))
        plan = make_plan(source, able(max_dense=1, max_vectors=2), "copy")
        assert fates(plan)["two"] is Fate.REFUSED
        assert [vector.name for vector in plan.target.vectors] == [VEC.name, "words"]

    def test_partitions_are_carried(self):
        source = replace(SOURCE, partitions=("a",))
        assert make_plan(source, CAPABILITIES, "copy").target.partitions == ("a",)

    def test_partitions_that_would_be_lost_are_refused_unless_dropped_by_name(self):
        source = replace(SOURCE, partitions=("a",))
        with pytest.raises(MappingRefused, match="no partitions"):
            make_plan(source, NOWHERE, "copy").check()
        dropping = MappingOptions(drop=(PARTITION,))
        make_plan(source, NOWHERE, "copy", options=dropping).check()


class TestExisting:
    def test_it_is_taken_as_it_is(self):
        existing = replace(SOURCE, name="there", fields=(*SOURCE.fields, Field("more", FieldType.INT)))
        plan = make_plan(SOURCE, CAPABILITIES, "there", existing)
        assert plan.target is existing
        assert set(fates(plan).values()) == {Fate.EXACT}

    def test_the_only_free_vector_of_the_kind_is_meant(self):
        existing = with_vectors(replace(VEC, name="other"))
        plan = make_plan(SOURCE, CAPABILITIES, "there", existing)
        assert (plan.vectors[0].target, plan.vectors[0].reason) == ("other", "renamed to 'other'")

    def test_two_vectors_never_go_into_one(self):
        two = with_vectors(VEC, replace(VEC, name="second"))
        with pytest.raises(ShapeMismatch):
            make_plan(two, CAPABILITIES, "there", SOURCE)

    @pytest.mark.parametrize(
        "other",
        [
            replace(VEC, dim=5),
            replace(VEC, metric=Metric.DOT),
            replace(VEC, kind=VectorKind.SPARSE),
        ],
    )
    def test_a_vector_that_does_not_fit_is_a_mismatch(self, other):
        with pytest.raises(ShapeMismatch) as caught:
            make_plan(SOURCE, CAPABILITIES, "there", with_vectors(other))
        assert caught.value.hint

    def test_a_wrong_rename_is_a_mismatch(self):
        with pytest.raises(ShapeMismatch):
            make_plan(SOURCE, CAPABILITIES, "there", SOURCE, MappingOptions(rename={"vec": "nowhere"}))

    def test_a_sparse_vector_may_go_where_there_is_more_room(self):
        small, large = (VectorField("v", VectorKind.SPARSE, dim=dim, metric=Metric.DOT) for dim in (10, 20))
        make_plan(with_vectors(small), CAPABILITIES, "there", with_vectors(large)).check()
        with pytest.raises(ShapeMismatch):
            make_plan(with_vectors(large), CAPABILITIES, "there", with_vectors(small))

    def test_a_needed_vector_that_nobody_brings_is_a_mismatch(self):
        existing = with_vectors(VEC, replace(VEC, name="needed", nullable=False))
        with pytest.raises(ShapeMismatch) as caught:
            make_plan(SOURCE, CAPABILITIES, "there", existing)
        assert "needed" in caught.value.message

    def test_the_element_is_that_of_the_target(self):
        halves = with_vectors(replace(VEC, element=Element.FLOAT16))
        assert make_plan(halves, CAPABILITIES, "there", SOURCE).vectors[0].element is Element.FLOAT32
        refused = make_plan(SOURCE, CAPABILITIES, "there", halves).vectors[0]
        assert (refused.fate, refused.reason) == (
            Fate.REFUSED,
            "float32 would be rounded: the target's 'vec' is float16",
        )
        rounded = make_plan(SOURCE, CAPABILITIES, "there", halves, MappingOptions(narrow=("vec",))).vectors[0]
        assert (rounded.fate, rounded.element, rounded.reason) == (
            Fate.CONVERTED,
            Element.FLOAT16,
            "float32 rounded to float16",
        )

    def test_fields_go_into_fields_of_their_name_if_the_type_holds_them(self):
        fields = (Field("f", FieldType.TEXT), Field("g", FieldType.INT))
        plan = make_plan(SOURCE, CAPABILITIES, "there", replace(SOURCE, fields=fields))
        assert fates(plan) == {"vec": Fate.EXACT, "f": Fate.CONVERTED, "g": Fate.REFUSED}

    def test_fields_that_are_not_there_are_refused_or_go_to_the_undeclared(self):
        bare = replace(SOURCE, fields=())
        assert fates(make_plan(SOURCE, CAPABILITIES, "there", bare))["f"] is Fate.REFUSED
        plan = make_plan(SOURCE, CAPABILITIES, "there", replace(bare, dynamic=True))
        assert {field.source: field.conversion for field in plan.fields} == {"f": "extended_json", "g": ""}

    def test_two_fields_never_go_into_one(self):
        plan = make_plan(SOURCE, CAPABILITIES, "there", SOURCE, MappingOptions(rename={"f": "g"}))
        assert [field.fate for field in plan.fields].count(Fate.REFUSED) == 1

    def test_arrays_fit_arrays_of_their_element(self):
        def array(element):
            return replace(SOURCE, fields=(Field("f", FieldType.ARRAY, element=element),))

        assert (
            fates(make_plan(array(FieldType.INT), CAPABILITIES, "t", array(FieldType.INT)))["f"] is Fate.EXACT
        )
        assert fates(make_plan(array(FieldType.INT), CAPABILITIES, "t", array(None)))["f"] is Fate.EXACT
        assert (
            fates(make_plan(array(FieldType.INT), CAPABILITIES, "t", array(FieldType.TEXT)))["f"]
            is Fate.REFUSED
        )
        assert fates(make_plan(array(None), CAPABILITIES, "t", array(None)))["f"] is Fate.REFUSED

    def test_an_undeclared_key_is_renamed_on_request(self):
        dynamic = replace(SOURCE, dynamic=True)
        plan = make_plan(dynamic, CAPABILITIES, "there", dynamic, MappingOptions(rename={"loose": "tight"}))
        assert (plan.fields[-1].source, plan.fields[-1].target) == ("loose", "tight")


def test_an_undeclared_key_that_is_called_like_a_vector_is_renamed_where_names_are_shared():
    dynamic = replace(SOURCE, dynamic=True)
    keys = frozenset({"vec", "key", "loose", "f"})
    assert (
        make_plan(dynamic, CAPABILITIES, "copy", keys=keys).fields
        == make_plan(dynamic, CAPABILITIES, "copy").fields
    )
    source = replace(dynamic, vectors=(replace(VEC, name=""),), id=IdField("", IdKind.INT))
    for existing in (
        None,
        replace(dynamic, vectors=(replace(VEC, name="vector"),), id=IdField("id", IdKind.INT)),
    ):
        plan = make_plan(
            source, able(shared_names=True), "copy", existing, keys=frozenset({"vector", "id", "loose", "f"})
        )
        moved = {one.source: one.target for one in plan.fields if one.source not in ("f", "g")}
        assert moved == {"vector": "vector_2", "id": "id_2"}
        assert {one.reason for one in plan.fields if one.source in moved} == {
            "renamed to 'vector_2'",
            "renamed to 'id_2'",
        }


def test_what_is_put_where_an_undeclared_key_is_missing_stands_in_the_plan():
    dynamic, edits = replace(SOURCE, dynamic=True), (Edit("lang", default="en"), Edit("gone", default=1))
    options = MappingOptions(edits=edits, rename={"lang": "language"}, drop=("gone",))
    told = {
        one.source: (one.target, one.reason)
        for one in make_plan(dynamic, CAPABILITIES, "copy", None, options).fields
    }
    assert told["lang"] == ("language", "'en' where there is none; renamed to 'language'")
    assert told["gone"] == ("", "left behind by request")
    told = {
        one.source: one.reason
        for one in make_plan(dynamic, CAPABILITIES, "copy", None, MappingOptions(edits=edits)).fields
    }
    assert told["lang"] == "'en' where there is none"
    closed = make_plan(
        dynamic, able(dynamic=False), "copy", None, MappingOptions(edits=edits, drop=("undeclared",))
    )
    assert "lang" not in {one.source for one in closed.fields}


def test_a_payload_key_that_is_called_like_the_key_of_both_sides_is_renamed_and_the_key_is_not():
    dynamic = replace(SOURCE, dynamic=True, id=IdField("id", IdKind.INT))
    plan = make_plan(dynamic, able(shared_names=True), "copy", keys=frozenset({"id"}))
    assert plan.target.id.name == "id"
    assert {one.source: one.target for one in plan.fields}["id"] == "id_2"


def test_a_text_key_is_never_longer_than_the_target_holds():
    source = replace(SOURCE, id=IdField("id", IdKind.TEXT, max_length=65_535))
    assert make_plan(source, able(max_id_bytes=512), "copy").target.id.max_length == 512
    assert make_plan(source, CAPABILITIES, "copy").target.id.max_length == 65_535


def test_records_may_lack_a_sparse_vector_beside_a_dense_one_where_the_target_says_so():
    sparse = VectorField("words", VectorKind.SPARSE, metric=Metric.DOT)
    lacking = able(nullable_vectors=False, nullable_sparse=True)
    made = make_plan(with_vectors(VEC, sparse), lacking, "copy").target
    assert [one.nullable for one in made.vectors] == [False, True]
    assert not make_plan(with_vectors(sparse), lacking, "copy").target.vectors[0].nullable


def test_a_key_that_a_framework_compares_with_text_is_text():
    source = CollectionShape("src", IdField("id", IdKind.UUID), (VectorField("v", dim=2),), dynamic=True)
    for target, kind in (("llamaindex:pgvector", IdKind.TEXT), ("langchain:pgvector", IdKind.UUID)):
        layout = LayoutPlan(f"{target.partition(':')[0]}:weaviate", target)
        assert make_plan(source, CAPABILITIES, "copy", layout=layout).target.id.kind is kind
    existing = CollectionShape("copy", IdField("node_id", IdKind.UUID), (VectorField("embedding", dim=2),))
    there = make_plan(
        source,
        CAPABILITIES,
        "copy",
        existing,
        layout=LayoutPlan("llamaindex:weaviate", "llamaindex:pgvector"),
    )
    assert there.id_rule is IdRule.SAME


@pytest.mark.parametrize("target", ["langchain:milvus", "langchain:pgvector"])
def test_a_number_is_text_where_langchain_compares_its_key_with_text_and_a_uuid_stays_one(target):
    layout = LayoutPlan("langchain:sqlite", target)
    made = make_plan(SOURCE, CAPABILITIES, "copy", layout=layout)
    assert (made.id_rule, made.target.id.kind) == (IdRule.INT_TEXT, IdKind.TEXT)
    keyed = replace(SOURCE, id=IdField("key", IdKind.UUID))
    assert make_plan(keyed, CAPABILITIES, "copy", layout=layout).target.id.kind is IdKind.UUID
