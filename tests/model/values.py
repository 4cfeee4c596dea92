"""Hypothesis strategies for what the model holds."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

from hypothesis import strategies as st

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalar_ids = text | st.integers(-(2**63), 2**63 - 1) | st.uuids()
ids = scalar_ids | st.lists(scalar_ids, max_size=3).map(tuple)

zones = st.sampled_from(
    [None, UTC, timezone(timedelta(hours=-7, minutes=-30)), timezone(timedelta(seconds=3723))]
)
moments = st.datetimes(timezones=st.none()).flatmap(
    lambda moment: zones.map(lambda zone: moment.replace(tzinfo=zone))
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False)
    | text
    | st.binary(max_size=8)
    | st.decimals(allow_nan=False)
    | moments
    | st.dates()
    | st.times()
    | st.uuids()
)
tags = st.sampled_from(
    ["$date", "$numberDecimal", "$numberDouble", "$binary", "$uuid", "$day", "$time", "$literal"]
)
tag_texts = st.sampled_from(
    [
        "2024-01-01",
        "2024-01-01T00:00:00",
        "1.5",
        "NaN",
        "nan",
        "AA==",
        "0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff",
        "",
        "x",
    ]
)
values = st.recursive(
    scalars | st.dictionaries(tags, tag_texts, max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text | tags, inner, max_size=3),
    max_leaves=8,
)
payloads = st.dictionaries(text, values, max_size=4)
