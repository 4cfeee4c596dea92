"""The shipped data: what a demonstration has to carry is really in it."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np

from vectormigrate.cli.demo import dataset
from vectormigrate.model.batch import DenseColumn
from vectormigrate.model.collection import FieldType

BATCH = dataset.load()
VECTORS = BATCH.vectors[dataset.VECTOR]
PAYLOAD = dict(zip(BATCH.ids, BATCH.payload, strict=True))
HELD = {
    FieldType.TEXT: str,
    FieldType.INT: int,
    FieldType.FLOAT: float,
    FieldType.BOOL: bool,
    FieldType.DECIMAL: Decimal,
    FieldType.DATETIME: datetime,
    FieldType.DATE: date,
    FieldType.BYTES: bytes,
    FieldType.JSON: (dict, list),
}


def test_one_vector_an_id_and_all_ids_distinct_and_in_order():
    assert isinstance(VECTORS, DenseColumn)
    assert VECTORS.values.shape == (len(BATCH), dataset.DIM)
    assert VECTORS.values.dtype == np.float32
    assert len(BATCH) == 3000
    assert BATCH.ids == sorted(set(BATCH.ids))


def test_vectors_are_the_models_and_not_random():
    def nearest(lemma: str) -> list[str]:
        (row,) = [row for row, payload in enumerate(BATCH.payload) if payload["lemma"] == lemma]
        near = np.argsort(-(VECTORS.values @ VECTORS.values[row]))[1:8]
        return [BATCH.payload[index]["text"] for index in near]

    assert np.abs(np.linalg.norm(VECTORS.values, axis=1) - 1).max() < 1e-3
    assert any("wolf" in text for text in nearest("dog"))
    assert any("mandolin" in text for text in nearest("guitar"))


def test_every_record_holds_the_declared_fields_in_their_types():
    fields = {field.name: field for field in dataset.shape("synsets").fields}
    for payload in BATCH.payload:
        assert payload.keys() == fields.keys()
        for name, value in payload.items():
            if value is None:
                assert fields[name].nullable, name
            else:
                assert isinstance(value, HELD[fields[name].type]), name
                assert isinstance(value, bool) == (fields[name].type is FieldType.BOOL), name


def test_the_values_that_are_easily_lost_are_there():
    dog = PAYLOAD["02084071-n"]
    assert dog["emoji"] == "\N{DOG}"
    assert dog["names"]["ru"] == "собака"
    assert dog["modified"] == datetime(2021, 8, 15, 8, 26, 18, tzinfo=UTC)
    assert dog["relations"]["by_kind"]["hypernym"] == ["02083346-n", "01317541-n"]
    assert sum(abs(payload["fingerprint"]) > 2**53 for payload in BATCH.payload) > 2900
    assert min(payload["fingerprint"] for payload in BATCH.payload) < -(2**62)
    assert {payload["proper"] for payload in BATCH.payload} == {True, False}
    for name in ("example", "emoji", "names"):
        assert 0 < sum(payload[name] is None for payload in BATCH.payload) < 3000, name
    assert max(payload["per_million"] for payload in BATCH.payload) > 1000


def test_json_fields_are_plain_json():
    assert all(
        json.loads(json.dumps(payload[name])) == payload[name]
        for payload in BATCH.payload
        for name in ("lemmas", "relations", "names")
    )


def test_a_second_load_is_not_changed_by_what_was_done_to_the_first():
    first = dataset.load()
    first.payload[0].clear()
    assert dataset.load().payload[0] == BATCH.payload[0]
