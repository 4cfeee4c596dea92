"""The pages of the pairs: as they are committed, with commands that can be typed and links that lead somewhere."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from vectormigrate.cli import arguments
from vectormigrate.daemon import pair_pages
from vectormigrate.daemon.products import PRODUCTS
from vectormigrate.model.profiles import PROFILES
from vectormigrate.stores import registry

DOCS = Path(__file__).parents[2] / "docs"
NO_MOVE = {"memory", "parquet"}
"""Kinds that no collection lives in."""


@pytest.fixture(scope="module")
def made():
    return asyncio.run(pair_pages.made())


@pytest.fixture(scope="module")
def text(made):
    return "\n".join(made.values())


def test_the_committed_pages_are_those_that_are_made(made):
    committed = {path.name: path.read_text() for path in (DOCS / "pairs").iterdir()}
    assert committed == made, "make reference"


def test_every_pair_has_its_section(made):
    assert PRODUCTS.keys() == set(registry.KINDS) - NO_MOVE
    for source in PRODUCTS:
        page = made[f"from-{source}.md"]
        assert re.findall(r"^## To (.*)$", page, re.MULTILINE) == [one.name for one in PRODUCTS.values()]
        assert page.count("vectormigrate plan") == len(PRODUCTS)


def test_the_index_says_of_the_others_why_they_have_no_page(made):
    for kind in NO_MOVE:
        assert f"`{kind}`" in made["index.md"]
        assert f"from-{kind}.md" not in made["index.md"]


def test_every_command_can_be_typed(text):
    commands = re.findall(r"^```\n(vectormigrate .*?)\n```$", text, re.MULTILINE | re.DOTALL)
    assert len(commands) == len(PRODUCTS) * (len(PRODUCTS) + 1)
    for command in commands:
        typed = arguments.parse(command.replace("\\\n", " ").split()[1:])
        for setting in typed.command.all_settings:
            if setting.name in typed.flags:
                setting.parse(typed.flags[setting.name], setting.name)


def test_every_link_leads_to_a_page_and_to_a_section(made):
    for page in made.values():
        for name, anchor in re.findall(r"\]\(([^)#]+)#?([^)]*)\)", page):
            target = (DOCS / "pairs" / name).resolve()
            headings = re.findall(r"^##+ (.*)$", target.read_text(), re.MULTILINE)
            assert not anchor or anchor in {re.sub(r"[^a-z0-9]+", "-", one.lower()) for one in headings}


def row(page, target, name):
    section = page.split(f"## To {PRODUCTS[target].name}\n")[1].split("\n## ")[0]
    return next(line for line in section.splitlines() if line.startswith(f"| {name} |"))


def test_what_a_reader_has_to_know_is_there(made):
    """A few facts that other tests hold the code to."""
    pinecone, qdrant, postgres = (made[f"from-{one}.md"] for one in ("pinecone", "qdrant", "pgvector"))
    assert "_vm_id" in row(pinecone, "qdrant", "ids")
    assert "text of more than 512 bytes: refused" in row(postgres, "pinecone", "ids")
    assert "40,960 bytes of payload" in row(qdrant, "pinecone", "limits")
    assert "stored with length one" in row(postgres, "qdrant", "metrics")
    assert "lost before" in row(qdrant, "milvus", "metrics")
    assert "sparse: converted (kept as JSON" in row(qdrant, "weaviate", "vectors")
    assert "snapshot is a file of Qdrant's own" in qdrant
    assert "--mode proxied" in qdrant
    assert "--mode captured" in postgres


def test_every_layout_that_both_stores_have_is_told(made):
    names = {tuple(name.split(":")) for name in PROFILES if "-" not in name}
    for source in PRODUCTS:
        page = made[f"from-{source}.md"]
        both = [
            (target, framework)
            for target in PRODUCTS
            for framework, kind in names
            if kind == source and (framework, target) in names
        ]
        assert sum(page.count(f"\n| {one} |") for one in {name for name, _ in names}) == len(both)
        for target, framework in both:
            assert f"| {framework} |" in row(page, target, framework)
