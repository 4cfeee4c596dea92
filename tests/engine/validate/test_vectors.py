import numpy as np
import pytest

from vectormigrate.engine.validate.vectors import (
    Fidelity,
    VectorRule,
    bit_equal_rows,
    compare_columns,
    similarity,
)
from vectormigrate.model.batch import DenseColumn, dense_column, multi_column, sparse_column
from vectormigrate.model.collection import Element
from vectormigrate.model.record import SparseVector

F32 = np.float32


def rule(fidelity=Fidelity.BITS, element=Element.FLOAT32, *, normalised=False, threshold=0.999):
    return VectorRule("v", element, fidelity, normalised, threshold)


def rows(*vectors, dtype=F32):
    return DenseColumn(np.array(vectors, dtype=dtype))


def judge(source, target, how=None):
    return compare_columns(source, target, how or rule(), len(source.values))


def sparse(*weights):
    return sparse_column(
        [
            None
            if one is None
            else SparseVector(np.array(list(one), np.int64), np.array(list(one.values()), F32))
            for one in weights
        ]
    )


def test_equal_bits_pass_whatever_they_mean():
    odd = [np.nan, np.inf, -np.inf, 1e38, 1e-45, -0.0, 0.0, 3.0]
    verdicts = judge(rows(odd, [0.0] * 8), rows(odd, [0.0] * 8))
    assert verdicts.passed.all()
    assert verdicts.bit_equal.all()
    assert verdicts.cosine.tolist() == verdicts.norm_ratio.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 7, 768])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int8, np.uint8])
def test_every_single_bit_counts(dim, dtype):
    random = np.random.default_rng(dim)
    one = random.integers(0, 100, (200, dim)).astype(dtype)
    other = one.copy()
    changed = set(random.integers(0, 200, 20).tolist())
    for row in changed:
        other.view(np.uint8)[row, random.integers(0, other.view(np.uint8).shape[1])] ^= 1
    assert set(np.flatnonzero(~bit_equal_rows(one, other)).tolist()) == changed


def test_a_row_of_no_values_is_equal_to_itself():
    assert bit_equal_rows(np.empty((2, 0), F32), np.empty((2, 0), F32)).all()


def test_one_low_bit_is_a_difference_although_the_cosine_is_one():
    random = np.random.default_rng(0)
    one = random.standard_normal((300, 768)).astype(F32)
    other = one.copy()
    other.view(np.uint32)[271, 700] ^= 1
    verdicts = judge(DenseColumn(one), DenseColumn(other))
    assert np.flatnonzero(~verdicts.passed).tolist() == [271]
    assert verdicts.cosine[271] > 0.9999999
    assert "1 of 768 values differ" in verdicts.detail[271]


def test_scaling_shows_in_the_length_and_not_in_the_cosine():
    verdicts = judge(rows([1, 2, 3]), rows([10, 20, 30]), rule(Fidelity.SIMILAR))
    assert verdicts.cosine[0] == pytest.approx(1.0)
    assert verdicts.norm_ratio[0] == pytest.approx(10.0)
    assert not verdicts.passed[0]


def test_similar_vectors_pass_by_threshold_and_length():
    source = rows([1, 0], [1, 0], [1, 0])
    target = rows([1, 0.02], [1, 0.2], [1.02, 0])
    assert judge(source, target, rule(Fidelity.SIMILAR)).passed.tolist() == [True, False, False]
    assert judge(source, target, rule(Fidelity.SIMILAR, threshold=0.98)).passed.tolist() == [
        True,
        False,
        False,
    ]
    wide = rows([1, 0.1])
    assert judge(rows([1, 0]), wide, rule(Fidelity.SIMILAR, threshold=0.99)).passed.tolist() == [True]
    assert judge(rows([1, 0]), wide, rule(Fidelity.SIMILAR, threshold=0.999)).passed.tolist() == [False]


def test_a_zero_vector_is_equal_to_zero_only():
    verdicts = judge(rows([0, 0], [0, 0], [1, 0]), rows([0, -0.0], [1, 0], [0, 0]), rule(Fidelity.ROUNDED))
    assert verdicts.passed.tolist() == [True, False, False]
    assert verdicts.cosine.tolist() == [1.0, 0.0, 0.0]
    assert np.isnan(verdicts.norm_ratio[1:]).any()


def test_a_vector_that_is_not_finite_never_passes_for_a_finite_one():
    verdicts = judge(
        rows([1, 2], [1, 2], [np.nan, 2]), rows([np.nan, 2], [np.inf, 2], [1, 2]), rule(Fidelity.SIMILAR)
    )
    assert not verdicts.passed.any()
    assert np.isnan(verdicts.cosine).all()
    assert "not all of the target's are finite" in verdicts.detail[0]


def test_lengths_that_float32_cannot_square_are_measured_in_float64():
    one = np.array([[3e30, 4e30], [3e-30, 4e-30], [1, 0]], F32)
    other = np.array([[4e30, 3e30], [3e-29, 4e-29], [0, 1]], F32)
    cosine, ratio = similarity(one, other, 0.999)
    assert cosine == pytest.approx([0.96, 1.0, 0.0])
    assert ratio == pytest.approx([1.0, 10.0, 1.0])


def test_a_cosine_close_to_the_threshold_is_measured_exactly():
    random = np.random.default_rng(3)
    one = random.standard_normal((50, 1536)).astype(F32)
    other = (one + random.standard_normal(one.shape) * 0.0447).astype(F32)
    wide, others = one.astype(np.float64), other.astype(np.float64)
    exact = (wide * others).sum(1) / np.sqrt((wide**2).sum(1) * (others**2).sum(1))
    for threshold in exact[:10]:
        cosine, _ = similarity(one, other, float(threshold))
        near = np.abs(exact - threshold) < 5e-6
        assert np.abs(cosine[near] - exact[near]).max() < 1e-13


@pytest.mark.parametrize("scale", [1.0, 1e-3, 1e20])
def test_a_normalised_vector_is_expected_and_every_real_change_of_it_is_not(scale):
    random = np.random.default_rng(1)
    source = (random.standard_normal((100, 768)) * scale).astype(F32)
    wide = source.astype(np.float64)
    target = (wide / np.sqrt((wide**2).sum(axis=1, keepdims=True))).astype(F32)
    target[3] = target[3].astype(np.float16)
    target[4] *= F32(1.001)
    target[5, 0] *= F32(1.001)
    target[6] = source[6]
    verdicts = judge(DenseColumn(source), DenseColumn(target), rule(Fidelity.ROUNDED, normalised=True))
    assert np.flatnonzero(~verdicts.passed).tolist() == [3, 4, 5, 6]
    assert verdicts.pair.all()


@pytest.mark.parametrize("scale", [1e-5, 1e-20])
def test_a_vector_too_short_to_be_normalised_is_expected_as_it_is(scale):
    source = np.array([[3, 4], [3, 4]], F32) * F32(scale)
    target = np.array([source[0], [0.6, 0.8]], F32)
    verdicts = judge(DenseColumn(source), DenseColumn(target), rule(Fidelity.ROUNDED, normalised=True))
    assert verdicts.bit_equal.tolist() == [True, False]
    assert verdicts.passed.tolist() == [True, False]


def test_a_narrower_element_is_compared_after_the_same_cast():
    random = np.random.default_rng(2)
    source = random.standard_normal((20, 8)).astype(F32)
    target = source.astype(np.float16)
    how = rule(Fidelity.ROUNDED, Element.FLOAT16)
    assert judge(DenseColumn(source), DenseColumn(target), how).bit_equal.all()
    target.view(np.uint16)[4, 2] ^= 1
    target[5, 2] *= np.float16(1.01)
    verdicts = judge(DenseColumn(source), DenseColumn(target), how)
    assert np.flatnonzero(~verdicts.bit_equal).tolist() == [4, 5]
    assert np.flatnonzero(~verdicts.passed).tolist() == [5]


def test_a_store_may_read_back_in_another_byte_order():
    source = rows([1.5, -2.25], [3.5, 4.0])
    assert judge(source, DenseColumn(source.values.astype(">f4"))).bit_equal.all()


def test_presence_is_part_of_the_comparison():
    source = dense_column([np.ones(2), None, np.ones(2), None, np.zeros(2)], width=2)
    target = dense_column([np.ones(2), np.ones(2), None, None, np.zeros(2)], width=2)
    verdicts = judge(source, target)
    assert verdicts.passed.tolist() == [True, False, False, True, True]
    assert verdicts.pair.tolist() == [True, False, False, False, True]
    assert verdicts.detail == {1: "vector 'v' appeared from nowhere", 2: "vector 'v' is missing"}
    assert compare_columns(source, None, rule(), 5).passed.tolist() == [False, True, False, True, False]
    assert compare_columns(None, target, rule(), 5).passed.tolist() == [False, False, True, True, False]
    assert compare_columns(None, None, rule(), 5).passed.all()


def test_another_dimension_or_kind_is_a_difference_of_every_row():
    verdicts = judge(rows([1, 2], [3, 4]), rows([1, 2, 0], [3, 4, 0]))
    assert not verdicts.passed.any()
    assert "3 values a row instead of 2" in verdicts.detail[0]
    assert not compare_columns(rows([1.0]), sparse({1: 2.0}), rule(), 1).passed.any()


def test_binary_vectors_tell_how_many_bits_differ():
    how = rule(element=Element.BINARY)
    verdicts = judge(rows([255, 0], [1, 2], dtype=np.uint8), rows([255, 0], [2, 2], dtype=np.uint8), how)
    assert verdicts.passed.tolist() == [True, False]
    assert verdicts.detail[1] == "vector 'v': 2 bits differ"
    assert np.isnan(verdicts.cosine[1])


def test_int8_vectors_are_measured_beyond_their_own_range():
    verdicts = judge(
        rows([127] * 300, dtype=np.int8), rows([-128] * 300, dtype=np.int8), rule(element=Element.INT8)
    )
    assert verdicts.cosine[0] == pytest.approx(-1.0)
    assert not verdicts.passed[0]


def test_sparse_vectors():
    source = sparse({1: 0.5, 9: 2.0}, {}, {1: 1.0, 3: 0.0}, {2: 1.0}, {2: 1.0}, None)
    assert compare_columns(source, source, rule(), 6).passed.all()
    target = sparse({1: 0.5, 9: 2.0}, {}, {1: 1.0}, {3: 1.0}, {2: 1.0000001}, None)
    verdicts = compare_columns(source, target, rule(), 6)
    assert verdicts.passed.tolist() == [True, True, True, False, False, True]
    assert verdicts.bit_equal.tolist() == [True, True, True, False, False, False]
    assert verdicts.cosine[3] == 0.0


def test_multi_vectors():
    random = np.random.default_rng(5)
    tokens = [random.standard_normal((count, 4)).astype(F32) for count in (2, 0, 3, 1)]
    source = multi_column([*tokens, None], width=4)
    assert compare_columns(source, source, rule(), 5).bit_equal.tolist() == [True] * 4 + [False]
    changed = multi_column([tokens[0] * F32(10), tokens[1], tokens[2][:2], tokens[3], None], width=4)
    verdicts = compare_columns(source, changed, rule(), 5)
    assert verdicts.passed.tolist() == [False, True, False, True, True]
    assert verdicts.norm_ratio[0] == pytest.approx(10.0)
    assert "has 2 x 4 values, not 3 x 4" in verdicts.detail[2]
