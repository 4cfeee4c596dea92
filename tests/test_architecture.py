"""The rules of the house that no linter knows: sizes, mirrors, tables against their documents."""

import ast
import inspect
import re
import tomllib
from pathlib import Path

import apsw
import pytest

from vectormigrate.api.commands import COMMANDS
from vectormigrate.cli import arguments, manpage
from vectormigrate.cli import help as help_text
from vectormigrate.daemon import config
from vectormigrate.daemon.settings import SETTINGS
from vectormigrate.daemon.telemetry import catalogue
from vectormigrate.model import errors, events
from vectormigrate.model.phase import FINAL, TRANSITIONS, Phase
from vectormigrate.state import upgrade

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "vectormigrate"
TESTS = ROOT / "tests"
SOURCES = sorted(path for path in PACKAGE.rglob("*.py") if "pb" not in path.parts)
MOST_LINES = 500
"""The guide is 300."""
NO_MIRROR = {"__init__.py", "__main__.py"}
GENERAL = {"conformance", "deploy", "fakes", "life", "simulation", "model/protocol"}
"""Folders of tests that mirror nothing."""
SUITE = "test_conformance.py"
"""What every store runs: the test of its `store.py`."""


def name_of(path):
    return str(path.relative_to(ROOT))


def test_a_module_fits_in_a_head():
    assert [name_of(path) for path in SOURCES if len(path.read_text().splitlines()) > MOST_LINES] == []


def test_a_module_opens_with_what_it_is():
    assert [name_of(path) for path in SOURCES if len(_docstring(path)) <= len(path.stem) + 10] == []


def _docstring(path):
    return ast.get_docstring(ast.parse(path.read_text())) or ""


def test_every_source_has_its_test():
    lacking = [
        name_of(path)
        for path in SOURCES
        if path.name not in NO_MIRROR and not _is_declaration(path) and not _has_test(path)
    ]
    assert lacking == []


def test_every_test_has_its_source():
    stray = []
    for path in TESTS.rglob("test_*.py"):
        inside = path.relative_to(TESTS)
        if not GENERAL.isdisjoint(map(str, inside.parents)) or path == Path(__file__):
            continue
        source = PACKAGE / inside.parent / inside.name.removeprefix("test_")
        if inside.name == SUITE and source.parent.is_dir():
            continue
        if not source.exists() and not source.with_suffix("").is_dir():
            stray.append(name_of(path))
    assert stray == []


def _has_test(path):
    inside = path.relative_to(PACKAGE)
    own = TESTS / inside.parent / f"test_{inside.name}"
    if path.stem == "store" and (TESTS / inside.parent / SUITE).exists():
        return True
    # A folder's private modules may be tested through its one door.
    door = TESTS / inside.parent.parent / f"test_{inside.parent.name}.py"
    return own.exists() or (len(inside.parts) > 2 and door.exists())


def _is_declaration(path):
    """Whether a module holds classes without behaviour and constants only: nothing in it could fail."""
    tree = ast.parse(path.read_text())
    return not any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for node in ast.walk(tree))


def test_the_only_place_that_spawns_tasks_is_a_task_group():
    banned = re.compile(r"asyncio\.(create_task|ensure_future|gather|wait_for)\(")
    assert [name_of(path) for path in SOURCES if banned.search(path.read_text())] == []


def test_no_room_for_odds_and_ends():
    assert [name_of(path) for path in SOURCES if path.stem in ("utils", "helpers", "common", "misc")] == []


# Phases.


def test_every_phase_can_be_reached_and_left():
    reached = {Phase.CREATED}
    while True:
        onward = set().union(*(TRANSITIONS[phase] for phase in reached)) | reached
        if onward == reached:
            break
        reached = onward
    assert reached == set(Phase)
    for phase in set(Phase) - FINAL:
        assert _leads_to(phase, FINAL), f"{phase} has no way out"


def _leads_to(start, ends):
    seen, todo = {start}, [start]
    while todo:
        for phase in TRANSITIONS[todo.pop()]:
            if phase in ends:
                return True
            if phase not in seen:
                seen.add(phase)
                todo.append(phase)
    return False


def test_only_the_conductor_moves_a_phase_and_what_ends_one_that_nothing_conducts():
    moving = [name_of(path) for path in SOURCES if re.search(r"\bmigrations\.move\(", path.read_text())]
    assert moving == [
        f"vectormigrate/engine/{name}.py" for name in ("aborting", "migration", "resting", "swap")
    ]


def test_the_diagram_of_the_readme_is_the_table_of_phases():
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    told = {name: set(re.findall(r"`(\w+)`", onward)) for name, onward in rows if name in set(Phase)}
    assert told == {str(phase): {str(onward) for onward in TRANSITIONS[phase]} for phase in Phase}


# Commands.


def test_every_command_is_in_help_and_reference_and_no_other():
    assert (ROOT / "docs" / "commands.md").read_text() == help_text.reference(), "make reference"
    assert (ROOT / "docs" / "vectormigrate.1").read_text() == manpage.page(), "make reference"
    assert (ROOT / "docs" / "metrics.md").read_text() == catalogue.reference(), "make reference"
    listed = help_text.overview().split("Commands:\n")[1].split("\n\n")[0]
    assert re.findall(r"^  (\S+)", listed, re.MULTILINE) == [command.name for command in COMMANDS]
    readme = (ROOT / "README.md").read_text()
    assert [command.name for command in COMMANDS if f"`{command.name}`" not in readme] == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_examples_can_be_typed(command):
    assert command.examples
    for example in command.examples:
        words = example.words.partition(" > ")[0].split()
        typed = arguments.parse(words)
        assert typed.command is command
        for setting in command.all_settings:
            if setting.name in typed.flags:
                setting.parse(typed.flags[setting.name], setting.name)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_handler_of_a_command_exists(command):
    module, _, name = command.handler.partition(":")
    tree = ast.parse(_file_of(f"vectormigrate.cli.{module}").read_text())
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    names |= {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert name in names


def _file_of(module):
    base = ROOT / Path(*module.split("."))
    return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")


def test_exit_codes_of_readme_and_help_are_those_of_the_errors():
    told = {code for code, _ in help_text.EXIT_CODES}
    assert {error.exit_code for error in _errors()} <= told
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [(int(code), meaning) for code, meaning in rows] == list(help_text.EXIT_CODES)


# Settings.


def test_the_example_configuration_can_be_used_and_names_every_setting():
    path = ROOT / "deploy" / "vectormigrate.toml"
    config.load(path, {"SEARCH_PASSWORD": "x", "HOME": "/home/me"})
    everything = tomllib.loads(re.sub(r"^#(?=\w+ = )", "", path.read_text(), flags=re.MULTILINE))
    for setting in SETTINGS:
        if setting.name == "config":
            continue
        table = everything[setting.section] if setting.section else everything
        assert setting.key in table, f"{setting.section}.{setting.key} is not named"


# State, errors, events.


def test_the_schema_is_what_the_upgrades_make():
    assert _schema(_upgraded()) == _schema(_fresh())


def _fresh():
    connection = apsw.Connection(":memory:")
    connection.execute((PACKAGE / "state" / "schema.sql").read_text())
    return connection


def _upgraded():
    connection = apsw.Connection(":memory:")
    for path in sorted((PACKAGE / "state" / "upgrades").glob("*.sql")):
        connection.execute(path.read_text())
    return connection


def _schema(connection):
    return sorted(connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL"))


def _errors():
    found, todo = [], [errors.VectormigrateError]
    while todo:
        error = todo.pop()
        found.append(error)
        todo += error.__subclasses__()
    return found


def test_codes_of_errors_are_unique():
    codes = [error.code for error in _errors() if error.__module__.startswith("vectormigrate.")]
    assert len(codes) == len(set(codes))


def test_every_error_says_whether_a_retry_can_help():
    for error in _errors():
        document = error("something happened").as_dict()
        assert isinstance(document["retryable"], bool)
        assert document["code"] == error.code
        assert error.__doc__, error


def test_every_event_is_told():
    named = {event.__name__ for event in events.Event.__args__}
    declared = {
        node.name for node in ast.parse(inspect.getsource(events)).body if isinstance(node, ast.ClassDef)
    }
    assert named == declared


# The repository.


def test_the_lock_is_hashed_and_names_no_host():
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert not re.search(r"^--", text, re.MULTILINE)
    requirements = re.findall(r"^(\S+)==", text, re.MULTILINE)
    assert len(requirements) > 50
    assert text.count("--hash=sha256:") >= len(requirements)


def test_the_lock_holds_every_dependency():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    names = {re.match(r"[\w.-]+", line)[0].lower() for line in wanted}
    locked = {
        name.lower()
        for name in re.findall(r"^([\w.-]+)==", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    }
    assert names <= locked


def test_the_readme_opens_with_the_two_commands():
    lines = (ROOT / "README.md").read_text().splitlines()
    opening = [line.strip("` ") for line in lines[:6]]
    assert opening.index("make demo") < opening.index("make test")


def test_targets_of_make_are_short():
    text = (ROOT / "Makefile").read_text()
    for target in ("demo", "test", "check", "integration", "bench", "run"):
        recipe = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
        assert recipe, target
        assert recipe[1].count("\n") <= 2, target


@pytest.mark.parametrize("document", sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")]), ids=name_of)
def test_links_between_documents_lead_somewhere(document):
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
        assert (document.parent / link).exists(), link


def test_version_of_the_changelog():
    first = re.search(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert first[1] == "Unreleased"


def test_upgrades_are_numbered_without_a_gap():
    numbers = sorted(
        {int(path.name.split("_")[0]) for path in (PACKAGE / "state" / "upgrades").glob("*.sql")}
    )
    assert numbers == list(range(1, len(numbers) + 1))
    assert upgrade.__doc__


# Complaints.


def test_every_complaint_names_a_page_and_a_test_that_exist():
    rows = [line for line in (ROOT / "docs" / "complaints.md").read_text().splitlines() if line[:4] == "| **"]
    assert len(rows) == 25
    for row in rows:
        _, _, _, pages, tests = row.split(" | ")
        named = re.findall(r"`([^`:]+)::(\w+)`", tests)
        linked = re.findall(r"\]\(([^)#]+)#?([^)]*)\)", pages)
        assert named, row
        assert linked, row
        for path, name in named:
            assert re.search(rf"def {name}\(", (ROOT / path).read_text()), f"{path}::{name}"
        for page, section in linked:
            headings = re.findall(r"^#+ (.*)$", (ROOT / "docs" / page).read_text(), re.MULTILINE)
            assert not section or section in {re.sub(r"[^a-z0-9]+", "-", one.lower()) for one in headings}, (
                row
            )


_NAMED = re.compile(r"`((?:tests|integration)/[\w/]+\.py)(?:::(\w+))?`")


@pytest.mark.parametrize("document", sorted((ROOT / "docs").glob("*.md")), ids=name_of)
def test_the_tests_that_a_document_names_exist(document):
    told = document.read_text()
    named = _NAMED.findall(told)
    if document.name == "security.md":  # it says where those are of which it gives the name alone
        named += [("tests/api/test_guard.py", name) for name in re.findall(r"`(test_\w+)`", told)]
    for file, name in named:
        assert f"def {name}" in (ROOT / file).read_text(), name
