"""The report's words and its JSON."""

import json
from dataclasses import replace

import pytest

from tests.fakes.reports import CLEAN_SAMPLE, FULL, MAPPING, REPORT, SAMPLE
from vectormigrate.daemon.report import as_json, from_json
from vectormigrate.daemon.report.document import (
    configuration,
    duration,
    mapping_rows,
    number,
    percent,
    ranges,
    size,
    table,
    verdict,
)
from vectormigrate.model.identity import IdRule
from vectormigrate.model.plan import MappingOptions
from vectormigrate.model.specification import Specification, StoreRef

ASKED = Specification(
    "docs",
    StoreRef("sqlite", "old.db", "documents"),
    StoreRef("memory", "", "documents"),
    mapping=MappingOptions(drop=("a", "b")),
)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (3 / 3000, "0.1 %"),
        (3 / 300_000, "0.001 %"),
        (0.0105, "1.1 %"),
        (0.00299, "0.3 %"),
        (0.123, "13 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (0.000_023_1, "0.0024 %"),
    ],
)
def test_a_bound_is_rounded_up(share, text):
    assert percent(share) == text


def test_json_gives_the_report_back():
    whole = replace(REPORT, validation=SAMPLE, specification=ASKED, history=[{"verb": "migrate"}])
    assert as_json(from_json(json.loads(json.dumps(as_json(whole))))) == as_json(whole)


def test_what_did_not_pass_is_not_called_equal():
    odd = replace(CLEAN_SAMPLE, ok=False)
    assert verdict(replace(REPORT, validation=odd)).startswith("Not proved")


def test_json_holds_the_same_data_and_the_verdict():
    document = json.loads(json.dumps(as_json(replace(REPORT, validation=SAMPLE))))
    assert document["ok"] is False
    assert document["verdict"] == "Not equal: 2 missing, 3 differing, in a sample of 1,000."
    assert document["validation"]["worst"][0]["cosine"] == SAMPLE.worst[0].cosine
    assert document["validation"]["histogram"][-1] == [0.9999, 1.0, 994]
    assert document["status"]["phase"] == "verified"
    assert document["mapping"]["fields"][1]["fate"] == "converted"
    assert as_json(REPORT)["ok"] is True


def test_a_changed_id_is_a_conversion():
    (first, *_) = mapping_rows(replace(MAPPING, id_rule=IdRule.INT_TEXT))
    assert (first["fate"], first["reason"]) == ("converted", "int_text")


def test_a_range_shows_both_digests_only_when_they_differ():
    (row, *_) = ranges(FULL).rows
    assert row[-1] == "03f09ab4e1c72d58"
    torn = replace(FULL, ranges=({**FULL.ranges[7], "target_digest": "00"},))
    assert ranges(torn).rows[0][:2] == ("s:00008750-n", "(the end)")
    assert ranges(torn).rows[0][-1] == "73f09ab4e1c72d58, the target's 00"


def test_ranges_of_either_side_add_up():
    one = {"source_count": 2, "target_count": 0, "source_digest": "f" * 16, "target_digest": "0" * 16}
    other = {
        "source_count": 1,
        "target_count": 3,
        "source_digest": "0" * 15 + "2",
        "target_digest": "0" * 15 + "1",
    }
    seen = ranges(replace(FULL, ranges=(one, other)))
    assert seen.rows[-1] == ("all of them", "", 3, 3, 0, 0, 0, "0" * 15 + "1")
    assert len(ranges(replace(FULL, ranges=(one,))).rows) == 1


def test_what_was_asked_for_is_told_in_words_and_nothing_else():
    told = dict(configuration(replace(REPORT, specification=ASKED)))
    assert (told["source kind"], told["mapping drop"]) == ("sqlite", "a; b")
    assert "mapping spread" not in told
    assert not [value for value in told.values() if value in ("()", "[]", "{}", "None")]


def test_a_table_takes_items_of_different_keys():
    made = table([{"b": 1, "id": "x"}, {"c_d": 2}], first=("id", "absent"))
    assert made.columns == ("id", "b", "c d")
    assert made.rows == (("x", 1, None), (None, None, 2))
    assert made.numeric == (False, True, True)
    assert table(()).rows == ()


def test_figures_as_people_read_them():
    assert number(0.9999999) == "0.9999999"
    assert size(999) == "999 bytes"
    assert size(5_400_000) == "5.4 MB"
    assert duration(12.34) == "12.3 s"
    assert duration(3725.2) == "1:02:05"
