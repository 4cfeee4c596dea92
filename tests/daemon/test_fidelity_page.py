"""The table as a page, and held against what was seen when every kind was moved."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from vectormigrate.daemon.fidelity_page import judged, page, render
from vectormigrate.model.fidelity import KINDS, Verdict
from vectormigrate.model.plan import Fate
from vectormigrate.stores import registry
from vectormigrate.stores.memory import CAPABILITIES


async def test_every_kind_and_every_store_is_on_it():
    text = await page()
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == len(KINDS) + 5
    assert f"| | {' | '.join(registry.KINDS)} |" in text
    assert all(row.count("|") == len(registry.KINDS) + 2 for row in rows)


def test_what_the_store_would_refuse_is_refused():
    fates = {(one.group, one.kind): one for one in judged(CAPABILITIES)}
    assert fates["vector", "zeros"].fate is Fate.EXACT
    strict = judged(replace(CAPABILITIES, zero_vectors=False))
    assert next(one for one in strict if one.kind == "zeros").fate is Fate.REFUSED


def test_reasons_are_notes_told_once():
    cells = [
        Verdict("id", "text", Fate.CONVERTED, "as text"),
        Verdict("id", "integer", Fate.CONVERTED, "as text"),
        Verdict("id", "other", Fate.REFUSED, "id " + "x" * 90 + ": it is too long"),
        Verdict("id", "plain", Fate.EXACT, ""),
    ]
    text = render({"a": cells})
    assert text.count("as text") == 1
    assert "| text | *converted* 1 |" in text
    assert "| other | refused 2 |" in text
    assert "2. it is too long" in text
    assert "| plain | **exact** |" in text


SEEN = Path(__file__).parents[2] / "integration" / "bench" / "figures" / "value-matrix.json"
SAME = {
    ("id", "integer"): "Ids: integer",
    ("id", "negative integer"): "Ids: negative",
    ("id", "unsigned 64-bit integer"): "Ids: 2^64 - 1",
    ("id", "text"): "Ids: text",
    ("id", "text that spells a UUID"): "Ids: text that spells a UUID",
    ("id", "text beyond ASCII"): "Ids: text beyond ASCII",
    ("id", "text of 1,000 bytes"): "Ids: text of 1,000 bytes",
    ("id", "UUID"): "Ids: UUID",
    ("id", "several columns"): "Ids: several columns",
    **{
        ("vector", kind): f"Vectors: {kind}"
        for kind in (
            "float32",
            "float16",
            "int8",
            "uint8",
            "binary",
            "sparse",
            "zeros",
            "denormal",
        )
    },
    ("vector", "cosine, not of length one"): "Vectors: under cosine, of another",
    ("vector", "multi-vector"): "Vectors: multi-vector, other lengths",
    ("vector", "3,000 dimensions"): "Vectors: 3,000 dimensions",
    ("vector", "manhattan"): "Vectors: under manhattan",
    ("field", "bool"): "Declared fields: true",
    ("field", "2**63 - 1"): "Declared fields: 2^63 - 1",
    ("field", "date and time with zone"): "Declared fields: date and time with zone",
    ("field", "date and time without"): "Declared fields: date and time without",
    **{
        ("field", kind): f"Declared fields: {kind}"
        for kind in ("integer", "double", "decimal", "text", "bytes", "date", "time", "UUID", "JSON", "null")
    },
    ("field", "list of text"): "Declared fields: list of text",
    ("field", "list of integers"): "Declared fields: list of integers",
    **{
        ("value", kind): f"Keys that nobody declared, and JSON: {kind}"
        for kind in (
            "null",
            "empty text",
            "empty list",
            "mixed list",
            "nested",
            "geo point",
            "text beyond ASCII",
        )
    },
    ("value", "key with a dot"): "Keys that nobody declared, and JSON: key with a dot",
    ("value", "key with a space"): "Keys that nobody declared, and JSON: key with a space",
    ("place", "partition"): "Places: partition, namespace, tenant",
    ("place", "partition with an odd name"): "Places: its name with spaces and signs",
}
"""Cells that both speak of, by the name that the matrix has for them."""
BETTER = {("pinecone", ("field", "list of text"))}
"""Cells that turn out better than the rules promise: what goes as JSON is a list in the end."""
ONLY_NEWEST = {"float16", "int8", "binary"}
"""Vectors of the newest Milvus, of which the matrix knows Milvus Lite."""


@pytest.mark.parametrize("target", sorted(json.loads(SEEN.read_text())))
async def test_the_rules_say_what_was_seen(target):
    seen = json.loads(SEEN.read_text())["memory"][target]
    told = {(one.group, one.kind): one.fate for one in judged(await registry.capabilities(target))}
    for cell, name in SAME.items():
        if target == "milvus" and cell[1] in ONLY_NEWEST:
            continue
        fate, _, how = seen[name].partition(": ")
        if told[cell] is Fate.EXACT and fate == "converted":  # as the page's head says of these
            assert target in ("pinecone", "weaviate"), cell
            assert any(word in how for word in ("_vm_meta", "_vm_ints", "text of JSON")), cell
        elif (target, cell) not in BETTER:
            assert (cell, told[cell].value) == (cell, fate)
