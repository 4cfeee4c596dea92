from dataclasses import replace

import numpy as np
import pytest

from vectormigrate.engine.validate.compare import (
    FLOOR,
    WORST,
    Comparer,
    effective_threshold,
    inexact_doubles,
)
from vectormigrate.engine.validate.vectors import normalised
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import Element, Field, FieldType, IdKind, Metric, VectorField, VectorKind
from vectormigrate.model.errors import UsageError
from vectormigrate.model.finding import FindingKind
from vectormigrate.model.lengths import LENGTHS
from vectormigrate.model.mapping import MappingOptions, Translator, make_plan
from vectormigrate.stores.memory import CAPABILITIES

from .pairs import make_batch, shape

TWO = shape(vectors=(VectorField("v", dim=8, metric=Metric.EUCLID), VectorField("w", dim=4)))


def prepare(made, capabilities: Capabilities = CAPABILITIES, existing=None, count=30, **how):
    plan = make_plan(made, capabilities, "copy", existing, how.pop("options", None))
    batch = Translator(plan, capabilities)(make_batch(made, count)).batch
    return Comparer(plan, made, **how), batch


def copied(batch):
    return replace(
        batch,
        vectors={
            name: replace(column, values=column.values.copy()) for name, column in batch.vectors.items()
        },
        payload=[dict(payload) for payload in batch.payload],
    )


def test_a_threshold_never_falls_below_the_floor():
    assert effective_threshold(0.999) == 0.999
    assert effective_threshold(0.5) == FLOOR
    assert effective_threshold(1) == 1
    for wrong in (-0.1, 1.1, float("nan")):
        with pytest.raises(UsageError):
            effective_threshold(wrong)


def test_equal_batches():
    comparer, batch = prepare(TWO)
    seen = comparer(batch, copied(batch))
    assert (seen.compared, seen.mismatched, seen.pairs, seen.bit_equal) == (30, 0, 60, 60)
    assert (seen.findings, seen.worst, seen.cosine.size) == ([], [], 0)


def test_a_record_is_counted_once_and_gives_one_finding_of_each_kind():
    comparer, batch = prepare(shape(vectors=TWO.vectors, partitions=("a", "b")))
    target = copied(batch)
    for column in target.vectors.values():
        column.values[4] *= -1
    target.payload[4]["n"] = target.payload[4]["title"] = 3.5
    target = replace(target, partition=[*target.partition[:4], "z", *target.partition[5:]])
    seen = comparer(batch, target)
    assert (seen.mismatched, seen.pairs, seen.bit_equal) == (1, 60, 58)
    assert [finding.kind for finding in seen.findings] == [
        FindingKind.VECTOR,
        FindingKind.PAYLOAD,
        FindingKind.PARTITION,
    ]
    vector, payload, partition = seen.findings
    assert {finding.id for finding in seen.findings} == {"i:-28"}
    assert vector.cosine == pytest.approx(-1.0)
    assert vector.norm_ratio == pytest.approx(1.0)
    assert vector.detail.startswith("vector 'v'")
    assert payload.cosine is None
    assert partition.detail == "partition 'a' became 'z'"
    assert {pair.vector for pair in seen.worst} == {"v", "w"}


def test_findings_name_the_source_id():
    comparer, batch = prepare(shape(IdKind.INT), replace(CAPABILITIES, id_kinds=frozenset({IdKind.TEXT})))
    assert batch.ids[0] == "-40"
    target = copied(batch)
    target.payload[0]["n"] = None
    assert [finding.id for finding in comparer(batch, target).findings] == ["i:-40"]


def test_the_worst_pairs_are_kept_worst_first():
    comparer, batch = prepare(shape(), count=100)
    target = copied(batch)
    random = np.random.default_rng(1)
    column = target.vectors["v"]
    column.values[:] += random.standard_normal(column.values.shape).astype(np.float32)
    seen = comparer(batch, target)
    assert len(seen.worst) == WORST
    assert [pair.cosine for pair in seen.worst] == sorted(seen.cosine.tolist())[:WORST]
    assert seen.cosine.size == seen.norm_ratio.size == len(seen.findings) == 100


def test_the_threshold_rules_what_a_store_declares_lossy():
    made = shape()
    results = []
    for threshold in (0.999, 0.99):
        comparer, batch = prepare(made, threshold=threshold, lossy=frozenset({"v"}))
        target = copied(batch)
        values = target.vectors["v"].values
        values[0] = np.where(np.arange(16) == 0, 1.0, 0.0)
        batch.vectors["v"].values[0] = values[0]
        values[0, 1] = 0.1
        values[0] /= np.linalg.norm(values[0])
        results.append(comparer(batch, target).mismatched)
    assert results == [1, 0]


def test_an_existing_half_precision_column_is_expected_to_round():
    made = shape()
    halves = (replace(made.vectors[0], element=Element.FLOAT16),)
    existing = shape(vectors=halves)
    comparer, batch = prepare(made, existing=existing, options=MappingOptions(narrow=("v",)))
    values = batch.vectors["v"].values
    target = copied(batch)
    target.vectors["v"] = replace(batch.vectors["v"], values=values.astype(np.float16))
    assert comparer(batch, target).mismatched == 0
    target.vectors["v"].values.view(np.uint16)[4, 2] ^= 1
    assert (comparer(batch, target).bit_equal, comparer(batch, target).mismatched) == (29, 0)
    target.vectors["v"].values[3, 3] = -9
    assert comparer(batch, target).mismatched == 1


def test_a_column_of_an_existing_table_that_the_source_cannot_fill_is_left_alone():
    fields = (Field("title", FieldType.TEXT), Field("n", FieldType.INT))
    made = shape(fields=fields, dynamic=False)
    existing = shape(fields=(*fields, Field("created", FieldType.DATETIME)), dynamic=False)
    comparer, batch = prepare(made, existing=existing)
    target = copied(batch)
    target.payload[0]["created"] = 5
    assert comparer(batch, target).findings == []
    comparer, _ = prepare(replace(made, dynamic=True), existing=existing, options=MappingOptions())
    assert comparer(batch, target).mismatched == 1


def test_a_record_weighs_what_its_dense_vectors_do():
    assert prepare(TWO)[0].record_bytes == (8 + 4) * 4
    sparse = VectorField("s", VectorKind.SPARSE, dim=2**32, metric=Metric.DOT)
    made = shape(vectors=(VectorField("v", element=Element.FLOAT16, dim=8), sparse))
    assert Comparer(make_plan(made, CAPABILITIES, "copy"), made).record_bytes == 16


def lengths_of(batch, lengths):
    return replace(
        batch,
        payload=[{**one, LENGTHS: {"v": length}} for one, length in zip(batch.payload, lengths, strict=True)],
    )


@pytest.mark.parametrize("lengths", [None, False])
def test_a_noted_length_may_be_as_far_off_as_a_restored_vector(lengths):
    """After a cutover the source holds what was restored, and its length is that of rounded numbers."""
    options = MappingOptions(lengths=lengths, metric=Metric.COSINE)
    made = replace(TWO, vectors=(VectorField("v", dim=8),), dynamic=True)
    comparer, batch = prepare(
        made, replace(CAPABILITIES, normalises_cosine=True, inexact_doubles=True), options=options
    )
    target = copied(batch)
    target.vectors["v"].values[:] = normalised(batch.vectors["v"].values)
    near, far = [5.0] * 30, [5.0] * 28 + [5.0000003, 5.001]
    seen = comparer(lengths_of(batch, near), lengths_of(target, far))
    assert len(seen.findings) == (1 if lengths is None else 2)
    assert all("_vm_norm" in finding.detail for finding in seen.findings)


@pytest.mark.parametrize("inexact", [False, True])
def test_doubles_may_be_a_little_off_only_where_the_store_says_so(inexact):
    comparer, batch = prepare(TWO, inexact_doubles=inexact)
    target = copied(batch)
    for row, off in ((3, 0.0), (4, 1.0)):
        batch.payload[row]["x"] = 0.1
        target.payload[row]["x"] = np.nextafter(0.1, 1.0).item() + off
    seen = comparer(batch, target)
    assert len(seen.findings) == (1 if inexact else 2)


def test_either_side_may_bend_doubles():
    bending = replace(CAPABILITIES, inexact_doubles=True)
    assert inexact_doubles(bending, CAPABILITIES)
    assert inexact_doubles(CAPABILITIES, bending)
    assert not inexact_doubles(CAPABILITIES, CAPABILITIES)
