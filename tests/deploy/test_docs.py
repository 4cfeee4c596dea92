"""The pages: every one is in the site, every link inside the repository leads somewhere, what is to be typed can be."""

import re
import shlex
from pathlib import Path

import pytest
import yaml

from vectormigrate.cli import arguments
from vectormigrate.model.phase import Phase

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "README.md", ROOT / "deploy" / "README.md"]


def named(entry):
    if isinstance(entry, str):
        return [entry]
    held = entry.values() if isinstance(entry, dict) else entry
    return [name for one in held for name in named(one)]


def test_every_page_is_in_the_site_and_no_other():
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert sorted(named(nav)) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" not in target and not target.startswith("#"):
            path = (page.parent / target.partition("#")[0]).resolve()
            assert path.exists(), target
            if page.is_relative_to(DOCS):  # what is beside the pages is not on the site
                assert path.is_relative_to(DOCS), target


def test_the_runbooks_have_a_row_for_every_phase_and_its_links_lead_to_chapters():
    text = (DOCS / "runbooks.md").read_text()
    rows = [row.split("|")[1] for row in text.partition("# By its phase")[2].splitlines() if "| `" in row]
    assert sorted(re.findall(r"`(\w+)`", "".join(rows))) == sorted(Phase)
    chapters = {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= chapters


def test_the_first_migration_of_the_readme_is_ten_lines_that_can_be_typed():
    (lines,) = re.findall(
        r"^## The first migration\n.*?^```\n(.*?)^```",
        (ROOT / "README.md").read_text(),
        re.MULTILINE | re.DOTALL,
    )
    assert lines.count("\n") <= 10
    typed = [
        arguments.parse(words[1:])
        for line in lines.replace("\\\n", " ").splitlines()
        if (words := shlex.split(line.removesuffix("&"), comments=True))[0] == "vectormigrate"
    ]
    assert [one.command.name for one in typed] == [
        "serve", "migrate", "attest", "status", "report", "cutover", "revert", "rollback",
    ]  # fmt: skip


def test_the_table_of_integration_has_a_row_for_every_file():
    rows = re.findall(r"^\| `(test_\w+\.py)` \|", (DOCS / "contributing.md").read_text(), re.MULTILINE)
    assert rows == sorted(path.name for path in (ROOT / "integration").glob("test_*.py"))


def test_a_link_to_a_chapter_finds_it():
    chapters = {page.resolve(): {anchor(title) for title in titles(page)} for page in PAGES}
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+\.md)?(#[^)\s]+)\)", page.read_text()):
            file, chapter = target
            there = (page.parent / file).resolve() if file else page.resolve()
            assert chapter[1:] in chapters[there], (page.name, file + chapter)


def titles(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"^#+ (.+)$", text, re.MULTILINE)


def anchor(title):
    """As the site and code hosts make them of a title."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", words)).strip("-")
