"""The demonstration's records: 3,000 WordNet synsets with their metadata, embedded by all-MiniLM-L6-v2.

The files beside this module hold what `integration/dataset/make.py` wrote; here they become a shape and a batch. On
disk the vectors are float16, which halves the package; in the records they are float32, exactly those values.
"""

from __future__ import annotations

import gzip
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorIndex,
)

DIM = 384
VECTOR = "embedding"

_FIELDS = (
    Field("text", FieldType.TEXT, nullable=False),
    Field("lemma", FieldType.TEXT, nullable=False),
    Field("lemmas", FieldType.JSON, nullable=False),
    Field("part", FieldType.TEXT, nullable=False),
    Field("gloss", FieldType.TEXT, nullable=False),
    Field("example", FieldType.TEXT),
    Field("sense", FieldType.INT, nullable=False),
    Field("tagged", FieldType.INT, nullable=False),
    Field("fingerprint", FieldType.INT, nullable=False),
    Field("word_length", FieldType.FLOAT, nullable=False),
    Field("per_million", FieldType.DECIMAL, nullable=False),
    Field("proper", FieldType.BOOL, nullable=False),
    Field("relations", FieldType.JSON, nullable=False),
    Field("emoji", FieldType.TEXT),
    Field("names", FieldType.JSON),
    Field("modified", FieldType.DATETIME, nullable=False),
    Field("edition", FieldType.DATE, nullable=False),
    Field("checksum", FieldType.BYTES, nullable=False),
)


def shape(name: str) -> CollectionShape:
    """The shape of the records as a collection of that name."""
    index = VectorIndex("hnsw", {"m": 16, "ef_construction": 64})
    return CollectionShape(
        name,
        IdField("synset", IdKind.TEXT, KeyOrder.BYTES, max_length=64),
        (VectorField(VECTOR, dim=DIM, metric=Metric.COSINE, nullable=False, index=index),),
        _FIELDS,
    )


def load() -> Batch:
    """All records, in the order of their ids."""
    data = files(__package__) / "data"
    with (data / "vectors.npy").open("rb") as packed:
        vectors = np.load(packed, allow_pickle=False).astype(np.float32)
    lines = gzip.decompress((data / "synsets.jsonl.gz").read_bytes())
    payload = [_typed(record) for record in msgspec.json.Decoder(dict[str, Any]).decode_lines(lines)]
    ids = [record.pop("synset") for record in payload]
    return Batch(ids, {VECTOR: DenseColumn(vectors)}, payload)


def _typed(record: dict[str, Any]) -> dict[str, Any]:
    record["per_million"] = Decimal(record["per_million"])
    record["modified"] = datetime.fromisoformat(record["modified"])
    record["edition"] = date.fromisoformat(record["edition"])
    record["checksum"] = bytes.fromhex(record["checksum"])
    return record
