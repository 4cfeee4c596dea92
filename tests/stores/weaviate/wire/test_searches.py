"""Search requests, understood whole or refused."""

import numpy as np
import pytest

from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.clauses import Unanswerable
from vectormigrate.stores.weaviate.wire.searches import DEFAULT_LIMIT, Sort, read_search
from vectormigrate.stores.weaviate.wire.vectors import write_dense, write_multi

VECTOR = write_dense(np.array([1, 2], np.float32))


def test_a_plain_one():
    ask = read_search(pb.SearchRequest(collection="C", tenant="t", offset=3, after="x"))
    assert (ask.class_name, ask.tenant, ask.limit, ask.offset, ask.after) == ("C", "t", DEFAULT_LIMIT, 3, "x")
    assert ask.members.everything
    assert ask.where is None
    assert ask.near is None


def test_what_is_told():
    request = pb.SearchRequest(collection="C", limit=2)
    request.sort_by.add(path=["n"], ascending=False)
    request.metadata.uuid = request.metadata.certainty = True
    request.metadata.vectors.append("v")
    request.properties.non_ref_properties.append("a")
    request.properties.object_properties.add(prop_name="o", primitive_properties=["p"])
    asked = request.properties.ref_properties.add(reference_property="r", target_collection="D")
    asked.properties.return_all_nonref_properties = True
    ask = read_search(request)
    assert ask.sort == (Sort("n", ascending=False),)
    assert (ask.metadata.uuid, ask.metadata.certainty, ask.metadata.distance) == (True, True, False)
    assert ask.metadata.vectors == ("v",)
    assert not ask.members.everything
    assert ask.members.named["a"] is None
    assert list(ask.members.named["o"].named) == ["p"]
    [reference] = ask.members.references
    assert (reference.name, reference.target, reference.members.everything) == ("r", "D", True)


@pytest.mark.parametrize(
    "fields",
    [
        {"vector_bytes": VECTOR},
        {"vector": [1, 2]},
        {"vectors": [pb.Vectors(vector_bytes=VECTOR)]},
        {"vector_for_targets": [pb.VectorForTarget(name="v", vector_bytes=VECTOR)]},
        {"vector_per_target": {"v": VECTOR}},
    ],
)
def test_a_vector_in_every_spelling(fields):
    near = read_search(pb.SearchRequest(near_vector=pb.NearVector(**fields, distance=0.5))).near
    assert near.vector.tolist() == [1, 2]
    assert (near.distance, near.certainty, near.limited) == (0.5, None, True)


def test_a_multi_vector_and_an_object():
    many = pb.Vectors(
        vector_bytes=write_multi(np.ones((2, 3), np.float32)), type=pb.Vectors.VECTOR_TYPE_MULTI_FP32
    )
    request = pb.NearVector(vectors=[many], targets=pb.Targets(target_vectors=["v"]))
    near = read_search(pb.SearchRequest(near_vector=request)).near
    assert (near.vector.shape, near.using, near.limited) == ((2, 3), "v", False)
    near = read_search(pb.SearchRequest(near_object=pb.NearObject(id="x", certainty=0.5))).near
    assert (near.object_id, near.certainty, near.vector) == ("x", 0.5, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"alpha": 1, "vector_bytes": VECTOR, "target_vectors": ["v"]},
        {"alpha": 1, "vector": [1, 2], "targets": pb.Targets(target_vectors=["v"])},
        {
            "alpha_param": 1,
            "use_alpha_param": True,
            "vectors": [pb.Vectors(vector_bytes=VECTOR)],
            "target_vectors": ["v"],
        },
        {"alpha": 1, "near_vector": pb.NearVector(vector_bytes=VECTOR, target_vectors=["v"])},
    ],
    ids=str,
)
def test_a_hybrid_search_in_which_the_vector_alone_counts(fields):
    near = read_search(pb.SearchRequest(hybrid_search=pb.Hybrid(query="a", **fields))).near
    assert (near.vector.tolist(), near.using, near.fused, near.limited) == ([1, 2], "v", True, False)


@pytest.mark.parametrize(
    "fields",
    [
        {"bm25_search": pb.BM25(query="a", properties=["b^2"])},
        {"hybrid_search": pb.Hybrid(query="a")},
        {"hybrid_search": pb.Hybrid(query="a", alpha=0.7, vector_bytes=VECTOR)},
        {"hybrid_search": pb.Hybrid(alpha=1, vector_bytes=VECTOR, fusion_type=pb.Hybrid.FUSION_TYPE_RANKED)},
        {"hybrid_search": pb.Hybrid(alpha=1, vector_bytes=VECTOR, vector_distance=0.5)},
        {"hybrid_search": pb.Hybrid(alpha=1, vector_bytes=VECTOR, selection=pb.Selection())},
    ],
    ids=str,
)
def test_what_ranks_words_is_kept_as_it_came(fields):
    ask = read_search(pb.SearchRequest(collection="C", limit=3, **fields))
    assert pb.SearchRequest.FromString(ask.words) == pb.SearchRequest(**fields)
    assert ask.near is None
    with pytest.raises(ValueError, match="sorting"):
        read_search(pb.SearchRequest(sort_by=[pb.SortBy(path=["a"])], **fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"hybrid_search": pb.Hybrid(alpha=1, near_text=pb.NearTextSearch(query=["a"]))},
        {"near_text": pb.NearTextSearch(query=["a"])},
        {"group_by": pb.GroupBy(path=["a"])},
        {"generative": pb.GenerativeSearch()},
        {"rerank": pb.Rerank(property="a")},
        {"autocut": 1},
        {"near_vector": pb.NearVector(vector_bytes=VECTOR, targets=pb.Targets(target_vectors=["a", "b"]))},
        {"near_vector": pb.NearVector(vector_per_target={"a": VECTOR, "b": VECTOR})},
        {"near_object": pb.NearObject(id="x", selection=pb.Selection())},
        {"sort_by": [pb.SortBy(path=["a", "B", "c"])]},
    ],
    ids=str,
)
def test_what_only_weaviate_can_answer(fields):
    with pytest.raises(Unanswerable):
        read_search(pb.SearchRequest(**fields))


@pytest.mark.parametrize(
    "fields",
    [
        {"near_vector": pb.NearVector()},
        {"near_vector": pb.NearVector(vector_bytes=b"abc")},
        {"near_vector": pb.NearVector(vector_bytes=VECTOR, distance=1, certainty=1)},
        {"near_vector": pb.NearVector(vector_bytes=VECTOR), "sort_by": [pb.SortBy(path=["a"])]},
        {"near_object": pb.NearObject()},
        {"hybrid_search": pb.Hybrid(alpha=1)},
    ],
    ids=str,
)
def test_what_weaviate_refuses(fields):
    with pytest.raises(ValueError, match=r"\w"):
        read_search(pb.SearchRequest(**fields))
