"""The report as a page: what it says, and that nobody's data can do anything in it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

from tests.fakes.reports import CLEAN_SAMPLE, FULL, MAPPING, REPORT, ROLLBACK, SAMPLE
from vectormigrate.daemon.report import render
from vectormigrate.daemon.report.html import visible
from vectormigrate.model.whole import validation_of

VOID = {"meta", "link", "img", "br", "hr"}


class Page(HTMLParser):
    """Text, tags and attributes of a page, and whether its tags nest."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self.rows: list[list[str]] = []
        self._open: list[str] = []
        self.feed(page)
        assert self._open == []
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" not in self._open:
            self.words.append(data)
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += data


def test_a_scan_of_nothing_does_not_say_that_all_is_equal():
    """As of a live migration before its copy, whose records are all owed."""
    page = Page(render(replace(REPORT, validation=replace(REPORT.validation, compared=0))))
    assert "Nothing was compared, and nothing differs" in page.text
    assert "Equal" not in page.text


def test_a_full_scan_without_findings_says_equal_and_shows_its_counts_and_digests():
    page = Page(render(REPORT))
    assert "Equal: all 3,000 records were compared, and none differs." in page.text
    assert ["in the source, not in the target (missing)", "0"] in page.rows
    assert ["records in the target (of ours)", "3,000"] in page.rows
    first = ["(the start)", "s:00001250-n", "375", "375", "0", "0", "0", "03f09ab4e1c72d58"]
    assert first in page.rows
    assert "no pair of vectors differs in a single bit" in page.text
    assert "PostgreSQL 18.6, pgvector 0.8.6" in page.text
    assert "12.5 s, 248 records a second" in page.text
    assert "catalogue-to-milvus" in page.text


def test_a_sample_states_its_bound_and_never_says_equal():
    page = Page(render(replace(REPORT, validation=CLEAN_SAMPLE)))
    assert "3,000 clean samples: under 0.1 % at 95 %" in page.text
    assert "No difference in 3,000 sampled records: under 0.1 % differ, at 95 % confidence." in page.text
    assert "Equal:" not in page.text


def test_findings_and_worst_pairs_are_listed_with_their_ids():
    page = Page(render(replace(REPORT, validation=SAMPLE)))
    assert "Not equal: 2 missing, 3 differing, in a sample of 1,000." in page.text
    assert ["s:00001740-n", "embedding", "0.4127", "1", "not equal"] in page.rows
    assert ["s:02084071-n", "embedding", "0.9999999", "1", "not equal"] in page.rows
    assert ["missing", "s:gone", "", "", ""] in page.rows
    assert "The first 4 of 5." in page.text


def test_an_id_is_shown_and_never_run():
    page = Page(render(replace(REPORT, validation=SAMPLE)))
    assert 's:<script>alert("id")</script>' in page.text
    assert "script" not in page.tags
    hostile = replace(
        REPORT,
        status=replace(
            REPORT.status, migration_id='"><img src=x onerror=alert(1)>', source="</title><script>"
        ),
        versions={"<b>": "<i>"},
    )
    page = Page(render(hostile))
    assert page.tags.isdisjoint({"script", "img", "b", "i"})
    assert '"><img src=x onerror=alert(1)>' in page.text


def test_characters_that_turn_text_around_are_spelled_out():
    page = render(replace(REPORT, validation=SAMPLE))
    assert "\u202e" not in page
    assert "s:txt.\\u202eexe" in page
    assert visible("a\x00b\nc") == "a\\x00b\\nc"
    assert visible("собака 🐕") == "собака 🐕"
    assert visible("\ud800") == "\\ud800"


def test_a_long_value_is_cut_and_says_so():
    shown = visible("x" * 10_000)
    assert len(shown) == 2001
    assert shown.endswith("\N{HORIZONTAL ELLIPSIS}")


def test_the_page_needs_nothing_from_anywhere():
    for validation in (FULL, SAMPLE):
        text = render(replace(REPORT, validation=validation, rollback=ROLLBACK))
        page = Page(text)
        assert page.tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "base", "form"})
        assert not [name for name, _ in page.attributes if name in ("src", "href") or name.startswith("on")]
        assert not re.search(r"url\(|@import|https?://", text)
        assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in page.attributes


def test_the_mapping_tells_the_fate_of_everything():
    page = Page(render(replace(REPORT, mapping=MAPPING)))
    converted = ["field", "per_million", "per_million", "converted", "decimal as text, all digits kept"]
    assert ["id", "", "", "exact", ""] in page.rows
    assert ["vector", "embedding", "embedding", "exact", ""] in page.rows
    assert converted in page.rows
    assert ["field", "blob", "", "dropped", "left behind by request"] in page.rows


def test_a_rollback_shows_what_is_left_and_what_foreign_records_became():
    page = Page(render(replace(REPORT, rollback=ROLLBACK)))
    assert ["of ours left in the target", "0"] in page.rows
    assert ["foreign records kept", "25"] in page.rows
    assert "of ours left" not in render(REPORT)


def test_without_a_validation_nothing_is_claimed():
    page = Page(render(replace(REPORT, validation=None, mapping=None)))
    assert "nothing is proved" in page.text
    assert "Method" not in page.text
    assert ("class", "verdict") in page.attributes


def test_the_histogram_draws_a_bar_for_every_bin_that_holds_something():
    page = render(replace(REPORT, validation=SAMPLE))
    assert page.count("<rect") == 4
    assert page.count("class=below") == 2
    assert "4 empty bins" in page


def test_the_parts_of_a_migration_and_what_was_seen_of_each():
    parts = [replace(REPORT.status, migration_id=f"docs:{name}", source=f"sqlite:{name}") for name in "ab"]
    seen = validation_of("docs", [replace(FULL, migration_id="docs:a", statement="as good as new")])
    whole = replace(REPORT, status=replace(REPORT.status, parts=tuple(parts)), validation=seen)
    rows = [row for row in Page(render(whole)).rows if row[:1] in (["docs:a"], ["docs:b"])]
    assert [(row[2], row[-1]) for row in rows] == [
        ("sqlite:a", "as good as new"),
        ("sqlite:b", "not compared"),
    ]
    assert "Parts" not in Page(render(REPORT)).text
