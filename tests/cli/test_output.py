"""One document, or words."""

import io
import json
from dataclasses import replace

import msgspec
import pytest

from tests.fakes import reports
from vectormigrate.api.commands import BY_NAME
from vectormigrate.cli.call import Answer, Call
from vectormigrate.cli.output import as_json, show
from vectormigrate.daemon.config import Config, merge
from vectormigrate.model.status import MigrationStatus


def shown(answer, **flags):
    command = BY_NAME["status"]
    merged = merge(command.all_settings, flags, {}, Config())
    call = Call(command, {"id": "x"}, merged, Config(), {}, io.StringIO(), io.StringIO(), io.StringIO())
    show(answer, call)
    assert call.err.getvalue() == ""
    return call.out.getvalue()


def test_json_is_the_dataclass_and_nothing_else():
    document = shown(Answer(reports.STATUS), json=True)
    assert msgspec.json.decode(document, type=MigrationStatus) == reports.STATUS
    assert list(json.loads(document)) == ["format_version", *reports.STATUS.__dataclass_fields__]
    assert json.loads(document)["format_version"] == 1


def test_words_otherwise():
    assert shown(Answer(reports.STATUS)).startswith("catalogue-to-milvus: verified\n")
    assert shown(Answer({"a": 1}, text="as it is")) == "as it is\n"
    assert shown(Answer({"a": 1}, text="")) == ""


def test_what_to_do_next_is_read_last():
    command = BY_NAME["status"]
    merged = merge(command.all_settings, {}, {}, Config())
    terminal = io.StringIO()
    call = Call(command, {"id": "x"}, merged, Config(), {}, terminal, terminal, io.StringIO())
    show(Answer({}, text="done", then=("go on",)), call)
    assert terminal.getvalue() == "done\ngo on\n"


def test_text_of_an_answer_is_not_in_the_document():
    assert json.loads(shown(Answer({"a": 1}, text="words"), json=True)) == {"format_version": 1, "a": 1}


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_null(odd):
    assert json.loads(as_json(replace(reports.FULL, min_cosine=odd)))["min_cosine"] is None


def test_times_are_in_utc():
    assert json.loads(as_json(reports.STATUS))["created_at"] == "2026-03-01T12:00:00Z"
