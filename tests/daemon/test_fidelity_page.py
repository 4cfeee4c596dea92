"""The table as a page."""

from dataclasses import replace

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
