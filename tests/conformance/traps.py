"""Values that stores are known to bend, by the type of the field that declares them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

from vectormigrate.model.collection import FieldType

TEXTS = [
    "",
    " ",
    "plain",
    "ü ß é e\u0301 \u1e9b\u0323",
    "\U0001f600 \U0001f468\u200d\U0001f469\u200d\U0001f467 \U00020000",
    "quote ' double \" back \\ slash / percent % under _ brace { } [ ] $1 :name ?",
    "line\nbreak\r\ntab\t\x01\x1f\x7f\u2028\ufeff",
    "null",
    "NULL",
    "\\N",
    "0001",
    "1e5",
    "true",
    "2024-01-01T00:00:00Z",
    "x" * 5000,
]

VALUES: dict[FieldType, list[Any]] = {
    FieldType.BOOL: [True, False],
    FieldType.INT: [0, 1, -1, 2**31, 2**53 - 1, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)],
    FieldType.FLOAT: [
        0.0,
        -0.0,
        1.0,
        0.1,
        -1.5,
        1e-300,
        5e-324,
        1.7976931348623157e308,
        math.pi,
        2.0**53 + 2,
    ],
    FieldType.TEXT: TEXTS,
    FieldType.BYTES: [b"", b"\0", bytes(range(256)), b"\xff\xfe"],
    FieldType.DECIMAL: [
        Decimal(0),
        Decimal("1.10"),
        Decimal("-0.000000000000000000000001"),
        Decimal("12345678901234567890123456789.123456789"),
    ],
    FieldType.DATETIME: [
        datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2024, 7, 1, 1, 2, 3, tzinfo=timezone(timedelta(hours=-7, minutes=-30))),
        datetime(1900, 1, 1, tzinfo=UTC),
        datetime(9999, 12, 31, tzinfo=UTC),
    ],
    FieldType.DATETIME_NAIVE: [
        datetime(2024, 3, 31, 2, 30),  # noqa: DTZ001 an hour that some zones skip
        datetime(1, 1, 1, 0, 0, 0, 1),  # noqa: DTZ001 the first that Python knows
    ],
    FieldType.DATE: [date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31)],
    FieldType.TIME: [time(0, 0), time(23, 59, 59, 999999)],
    FieldType.UUID: [UUID(int=0), UUID(int=2**128 - 1), UUID("0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff")],
    FieldType.JSON: [
        {},
        [],
        "",
        0,
        False,
        {"a": {"b": {"c": [1, [2, [3, None]], {"d": None}]}}},
        [None, True, 1, 1.5, "x", [], {}],
        {"null": None, "": "empty key"},
        {"big": 2**53 + 1, "edge": [2**63 - 1, -(2**63)]},
        [1, 1.0, 0.1, 1e-7],
        TEXTS,
        {text: text for text in TEXTS},
    ],
    FieldType.ANY: [0, 2**63 - 1, 1.5, "text", "", b"\0"],
}
"""Values that a field of the type must give back: equal, and of the same Python type."""

ARRAYS: dict[FieldType, list[list[Any]]] = {
    FieldType.INT: [[], [1], [2**53 + 1, -1, 2**63 - 1]],
    FieldType.FLOAT: [[], [0.1, -1.5]],
    FieldType.TEXT: [[], [""], ["a", "ü", "quote ' \" \\ , { }", "NULL"]],
    FieldType.BOOL: [[], [True, False]],
}
"""The same for lists, by the type of their elements."""

PAYLOADS: list[dict[str, Any]] = [
    {},
    {"present": None},
    {"empty": {}, "list": [], "text": ""},
    {"dotted.key": 1, "dotted": {"key": 2}},
    {"key with spaces": 1, "quote'": 2, 'double"': 3, "back\\slash": 4, "per%cent": 5, "$dollar": 6},
    {"schlüssel": 1, "\U0001f511": 2, "case": 3, "Case": 4, "CASE": 5},
    {"a[0]": 1, "a->b": 2, "null": 3, "true": 4, "0": 5, "-": 6},
    {"ints": [0, -1, 2**53 + 1, 2**63 - 1, -(2**63)], "one": 1, "one_float": 1.0, "yes": True},
    {"floats": [0.1, 1e-7, 1e300, 123456789.123456789]},
    {"nested": {"deep": {"deeper": {"list": [{"a": None}, [], {}, [[1]], ""]}}}},
    {"texts": TEXTS},
    {"mixed": [1, "1", 1.0, True, None, {"1": 1}, [1]]},
    {"$date": "not a date"},
    {"holds": {"$date": "looks like one of ours"}, "other": {"$uuid": 5}},
]
"""Payloads made of JSON's own types, as undeclared keys."""

EXTENDED: list[dict[str, Any]] = [
    {"decimal": Decimal("1.10"), "many": [Decimal("12345678901234567890.5"), Decimal(5)]},
    {"moment": datetime(2024, 2, 29, 12, 30, 15, 123456, tzinfo=UTC), "day": date(2024, 2, 29)},
    {"naive": datetime(2024, 2, 29, 12, 30), "time": time(1, 2, 3, 4)},  # noqa: DTZ001 on purpose
    {"bytes": b"\x00\xff", "uuid": UUID(int=7), "deep": [{"bytes": b""}]},
]
"""Payloads of types that JSON has no word for, as undeclared keys."""
