"""What any store checks before it takes records: the request as a whole, then each record against the shape.

Only what `model` values can tell: ids, vectors, payload types, partitions, the capabilities' limits. Rules that a
vendor alone has are that vendor's business. A wrong request raises; a wrong record is a `Refusal` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from vectormigrate.model import fieldtype
from vectormigrate.model.batch import Batch, Column, DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.errors import RecordRefused, Unsupported
from vectormigrate.model.identity import misfit, plainly_fit
from vectormigrate.model.operation import Refusal
from vectormigrate.model.payload_columns import JsonColumn, Values, column_of, keys_of
from vectormigrate.model.record import Array, Payload, RecordId, id_text

_COLUMNS = {VectorKind.DENSE: DenseColumn, VectorKind.SPARSE: SparseColumn, VectorKind.MULTI: MultiColumn}


def check_request(ids: Sequence[RecordId], capabilities: Capabilities, collection: str) -> None:
    """Raise Unsupported when a write has too many records or the same id twice."""
    if len(ids) > capabilities.write_batch:
        raise Unsupported(
            f"{len(ids)} records in one write, and the store takes at most {capabilities.write_batch}",
            hint="write smaller batches",
            store=capabilities.kind,
            collection=collection,
        )
    if len(set(ids)) == len(ids):
        return
    seen: set[RecordId] = set()
    twice = [record_id for record_id in ids if record_id in seen or seen.add(record_id)]  # type: ignore[func-returns-value] # add is the side effect
    raise Unsupported(
        f"{len(twice)} ids are in one write more than once",
        hint="keep one record an id",
        store=capabilities.kind,
        collection=collection,
        ids=tuple(id_text(record_id)[:200] for record_id in twice[:5]),
    )


class Admission:
    """The rules of one collection in one store."""

    def __init__(self, shape: CollectionShape, capabilities: Capabilities) -> None:
        self._shape = shape
        self._capabilities = capabilities
        self._fields = {field.name: field for field in shape.fields}
        self._required = [field.name for field in shape.fields if not field.nullable]

    def refusals(self, batch: Batch) -> list[Refusal]:
        """The records of a batch that the collection can never hold, by row; each once, for its first fault."""
        faults = {**self._vector_faults(batch), **batch.faults}
        doubtful = self._doubtful(batch.payload)
        ids_fit = plainly_fit(batch.ids, self._shape.id, self._capabilities)
        if not (ids_fit and doubtful == [] and batch.partition is None):
            self._record_faults(batch, doubtful, faults)
        return [self.refusal(row, batch.ids[row], faults[row]) for row in sorted(faults)]

    def _record_faults(self, batch: Batch, doubtful: list[str] | None, faults: dict[int, str]) -> None:
        """Look at each record that has no fault yet, at its doubtful fields or, for None, at all of it."""
        for row, record_id in enumerate(batch.ids):
            if row in faults:
                continue
            fault = misfit(record_id, self._shape.id, self._capabilities)
            if not fault and doubtful is None:
                fault = self.payload_fault(batch.payload[row] if batch.payload else {})
            elif not fault and doubtful:
                payload = batch.payload[row]
                fault = self._items_fault({key: payload[key] for key in doubtful if key in payload})
            if not fault and batch.partition is not None:
                fault = self._partition_fault(batch.partition[row])
            if fault:
                faults[row] = fault

    def refusal(self, row: int, record_id: RecordId, fault: str) -> Refusal:
        """The refusal of one record, its id in the message and beside it."""
        text = _shown(record_id)
        error = RecordRefused(
            f"record {text} is refused: {fault}",
            hint="mend the record at the source, or what the target takes",
            store=self._capabilities.kind,
            collection=self._shape.name,
            ids=(text,),
        )
        return Refusal(row, record_id, error)

    def _text_fault(self, text: str) -> str:
        if "\0" in text and not self._capabilities.nul_in_text:
            return "a text holds a NUL byte"
        if not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text):
            return "a text is not Unicode: it holds half a surrogate pair"
        return ""

    def _partition_fault(self, partition: str | None) -> str:
        if partition is None:
            return ""
        if self._text_fault(partition) or not re.fullmatch(self._capabilities.partition_pattern, partition):
            return f"no partition can be called {partition!r}"
        return "" if partition in self._shape.partitions else f"there is no partition {partition!r}"

    def _doubtful(self, payloads: Sequence[Payload]) -> list[str] | None:
        """Fields of which some value may be wrong, as far as a look at whole columns can tell; usually none, and soon
        told. None when every payload must be looked at whole: keys that nobody declared, or one missing.
        """
        if not payloads:
            return None if self._required else []
        if keys_of(payloads) - self._fields.keys():
            return None
        columns = {name: column_of(payloads, name) for name in self._fields}
        if any(None in columns[name] for name in self._required):
            return None
        return [name for name, field in self._fields.items() if not self._column_right(field, columns[name])]

    def _column_right(self, field: Field, values: Values) -> bool:
        if isinstance(values, JsonColumn):
            # What the text of JSON may not hold itself, it holds escaped.
            return self._capabilities.nul_in_text or not any(
                "\\u0000" in text for text in values.texts if text
            )
        if field.type in (FieldType.JSON, FieldType.ANY):
            return not any(map(self._value_fault, values))
        if not fieldtype.all_fit(field, values):
            return False
        if field.type is not FieldType.TEXT:
            return True
        texts = [value for value in values if value is not None]
        limit = self._capabilities.max_text_bytes
        if limit is not None and texts and max(map(len, texts)) * 4 > limit:
            return False
        return not self._text_fault("".join(texts))

    def payload_fault(self, payload: Payload, *, whole: bool = True) -> str:
        """Why the collection cannot hold this payload, or "". Not `whole`: only the keys given are checked."""
        fault = self._items_fault(payload)
        missing = [name for name in self._required if whole and payload.get(name) is None]
        return fault or (f"field {missing[0]!r} may not be null" if missing else "")

    def _items_fault(self, payload: Payload) -> str:
        for key, value in payload.items():
            declared = self._fields.get(key)
            if declared is None and not self._shape.dynamic:
                return f"there is no field {key!r}"
            fault = "" if declared else self._text_fault(key)
            fault = fault or self._value_fault(value)
            fault = fault or (fieldtype.misfit(declared, value) if declared else "")
            if not fault and declared and isinstance(value, str):
                fault = self._size_fault(value)
            if fault:
                return f"field {key!r}: {fault}"
        return ""

    def _size_fault(self, text: str) -> str:
        limit = self._capabilities.max_text_bytes
        return f"longer than {limit} bytes" if limit is not None and len(text.encode()) > limit else ""

    def _value_fault(self, value: Any) -> str:
        if isinstance(value, str):
            return self._text_fault(value)
        if isinstance(value, dict):
            faults = (self._text_fault(key) or self._value_fault(item) for key, item in value.items())
            return next(filter(None, faults), "")
        if isinstance(value, list):
            return next(filter(None, map(self._value_fault, value)), "")
        return ""

    def _vector_faults(self, batch: Batch) -> dict[int, str]:
        faults: dict[int, str] = {}
        fields = {vector.name: vector for vector in self._shape.vectors}
        for name, column in batch.vectors.items():
            field = fields.get(name)
            wrong = "" if field else f"there is no vector {name!r}"
            if field and not wrong:
                wrong = _column_fault(field, column)
            present = _present(column, len(batch))
            if wrong:
                faults.update((int(row), wrong) for row in np.flatnonzero(present) if int(row) not in faults)
            elif field:
                self._number_faults(field, column, present, faults)
        for field in self._shape.vectors:
            if not field.nullable:
                _absent_faults(field, batch, faults)
        return faults

    def _number_faults(
        self, field: VectorField, column: Column, present: Array, faults: dict[int, str]
    ) -> None:
        if column.values.dtype.kind == "f" and not self._capabilities.non_finite:
            bad = _rows(column, ~_all_rows(column, np.isfinite(column.values))) & present
            for row in np.flatnonzero(bad):
                faults.setdefault(int(row), f"vector {field.name!r} holds NaN or infinity")
        if isinstance(column, SparseColumn):
            self._weight_faults(field, column, present, faults)
        never = self._zero_fault(field)
        if never and isinstance(column, DenseColumn):
            for row in np.flatnonzero(~column.values.any(axis=1) & present):
                faults.setdefault(int(row), f"vector {field.name!r} is zero, which {never}")

    def _weight_faults(
        self, field: VectorField, column: SparseColumn, present: Array, faults: dict[int, str]
    ) -> None:
        able, counts = self._capabilities, np.diff(column.indptr)
        limit = able.max_sparse_index
        wrong = {"has an index below 0": _rows(column, column.indices < 0)}
        if limit is not None:
            wrong[f"has an index beyond {limit}"] = _rows(column, column.indices > limit)
        if able.max_weights is not None:
            wrong[f"has more than {able.max_weights} weights"] = counts > able.max_weights
        if able.positive_weights:
            wrong["has a weight that is not above zero"] = _rows(column, ~(column.values > 0))
        if not able.empty_sparse:
            wrong["has no weights"] = counts == 0
        for reason, rows in wrong.items():
            for row in np.flatnonzero(rows & present):
                faults.setdefault(int(row), f"sparse vector {field.name!r} {reason}")

    def _zero_fault(self, field: VectorField) -> str:
        if not self._capabilities.zero_vectors:
            return "the store does not keep"
        cosine = field.metric is Metric.COSINE and not self._capabilities.zero_vector_under_cosine
        return "cosine cannot compare" if cosine else ""


def _shown(record_id: RecordId) -> str:
    return id_text(record_id)[:200].encode(errors="backslashreplace").decode()


def _column_fault(field: VectorField, column: Column) -> str:
    if not isinstance(column, _COLUMNS[field.kind]):
        return f"vector {field.name!r} is {field.kind}"
    if isinstance(column, SparseColumn):
        return ""
    if column.values.dtype != field.element.dtype:
        return f"vector {field.name!r} holds {field.element}, not {column.values.dtype}"
    width = field.row_width
    if width is not None and column.values.shape[1] != width:
        given = column.values.shape[1] * (8 if field.element is Element.BINARY else 1)
        return f"vector {field.name!r} has {field.dim} dimensions, not {given}"
    return ""


def _present(column: Column, count: int) -> Array:
    return np.ones(count, dtype=np.bool_) if column.present is None else column.present


def _absent_faults(field: VectorField, batch: Batch, faults: dict[int, str]) -> None:
    column = batch.vectors.get(field.name)
    absent = np.ones(len(batch), np.bool_) if column is None else ~_present(column, len(batch))
    for row in np.flatnonzero(absent):
        faults.setdefault(int(row), f"vector {field.name!r} is missing")


def _all_rows(column: Column, good: Array) -> Array:
    """One truth a row of values."""
    return good if good.ndim == 1 else np.asarray(good.all(axis=1))


def _rows(column: Column, bad: Array) -> Array:
    """One truth a record out of one a row of values."""
    match column:
        case DenseColumn():
            return bad
        case SparseColumn(indptr=edges) | MultiColumn(offsets=edges):
            sums = np.concatenate([[0], np.cumsum(bad)])
            return np.asarray(sums[edges[1:]] > sums[edges[:-1]])
