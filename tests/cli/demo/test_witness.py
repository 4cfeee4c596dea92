"""The witnesses' words."""

import io
import sys
from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import numpy as np

from vectormigrate.cli.demo.witness import Request, Seen, seen, serve, vector_digest


def test_a_vector_is_known_by_its_float32_bytes_whatever_it_comes_as():
    vector = np.array([0.1, -2.5, 3.0], np.float32)
    assert vector_digest(vector) == vector_digest(vector.astype(">f4")) == vector_digest(vector.astype("f8"))
    assert vector_digest(vector) != vector_digest(np.nextafter(vector, 9, dtype=np.float32))


def test_a_row_differs_when_any_value_or_type_in_it_does():
    vector = np.zeros(2, np.float32)
    row = {"a": 1, "b": {"c": [None, "é"]}, "when": datetime(2026, 1, 1, tzinfo=UTC)}
    same = dict(reversed(row.items()))
    assert seen(vector, row) == seen(vector, same)
    for other in (
        {"a": 1.0},
        {"a": "1"},
        {"a": True},
        {"b": {"c": ["é", None]}},
        {"a": Decimal(1)},
        {"d": None},
    ):
        assert seen(vector, row | other) != seen(vector, row)


def test_one_request_one_answer(monkeypatch):
    request = Request(kind="milvus", url="there", collection="c", add=[{"synset": "x"}])
    out = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(msgspec.json.encode(request))))
    monkeypatch.setattr(sys, "stdout", out)

    def look(asked):
        assert asked == request
        yield "x", Seen("1", "2")

    serve(look)
    assert out.buffer.getvalue() == b'{"x":["1","2"]}\n'
