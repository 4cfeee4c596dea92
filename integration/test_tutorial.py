"""The tutorial and the runbooks, run as they stand: files written, commands typed into one shell, on other ports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fakes.milvus import free_port

from .harness.pages import DOCS, blocks, elsewhere, typed

pytestmark = pytest.mark.timeout(600)

PORTS = ("6444", "6333", "8080")
_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)
_IN_A_SENTENCE = re.compile(r"`(vectormigrate [^`]+)`")
ABORT, BELIEVE = "vectormigrate abort docs", "vectormigrate allow-deletes docs"
"""What asks first. Once something was copied the first is refused, and the second has nothing to believe."""


def tutorial(folder: Path) -> list[str]:
    """Its commands, block by block; its files are written."""
    text = elsewhere((DOCS / "tutorial.md").read_text(), PORTS, [free_port() for _ in PORTS])
    commands = []
    for language, name, body in blocks(text):
        if name:
            (folder / name).write_text(body)
        else:
            assert language == "sh"
            commands.append(body)
    return commands


def test_every_command_of_the_tutorial_does_what_the_page_says(tmp_path: Path) -> None:
    code, said = typed(tmp_path, "\n".join(tutorial(tmp_path)))
    assert code == 0, said
    reads = re.findall(r"^1010 \{.*$", said, re.MULTILINE)
    assert reads == ["1010 {'word': 'grey', 'note': 'later'}"] * 2, said
    assert "Traceback" not in said
    assert "rolled_back" in said
    assert (tmp_path / "report.html").stat().st_size > 1000


def test_every_command_of_the_runbooks_works_where_it_is_to_be_typed(tmp_path: Path) -> None:
    page = (DOCS / "runbooks.md").read_text()
    sections = {title: "".join(body for _, _, body in blocks(text)) for title, text in _SECTION.findall(page)}
    in_sentences = set(_IN_A_SENTENCE.findall(page)) - {
        line for body in sections.values() for line in body.splitlines()
    }
    assert in_sentences >= {ABORT, BELIEVE}
    at_any_time = sorted(in_sentences - {ABORT, BELIEVE})
    asked = f"{{ {ABORT} --yes && false; }} || test $? = 4\n{BELIEVE} --yes"
    told = {title: body for title, body in sections.items() if body}
    commands = tutorial(tmp_path)
    moved = next(place for place, body in enumerate(commands) if "vectormigrate migrate" in body)
    setting_up, attesting = commands[: moved + 1], commands[moved + 1]
    early, late = told.pop("Hold everything"), told.pop("Take everything back")
    vouching = told.pop("Vouch for the writers")
    # Nothing was refused here: there is no such record to go without, and that is what is said.
    told["VectormigrateDeadLetters"] = re.sub(
        r"^(vectormigrate waive .*)$",
        r"\1 || test $? = 4",
        told["VectormigrateDeadLetters"],
        flags=re.MULTILINE,
    )
    switched = told.pop("Cut over"), told.pop("Go back to the source")
    script = [
        *setting_up,
        early,
        vouching,
        attesting.partition("\n")[2],
        *told.values(),
        *at_any_time,
        asked,
        *switched,
        late,
    ]
    code, said = typed(tmp_path, "\n".join(script))
    assert code == 0, said
    assert "Traceback" not in said
    assert "next      vectormigrate serve\n" not in said  # it runs all the while
