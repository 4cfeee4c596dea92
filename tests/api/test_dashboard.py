"""The files of the page as they are served. What the page does is looked at in a real browser: integration/test_dashboard.py."""

import hashlib
import json
import re
from importlib.resources import files
from typing import get_args

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from vectormigrate.api.command import Effect
from vectormigrate.api.commands import COMMANDS
from vectormigrate.api.dashboard import ROOT, dashboard
from vectormigrate.daemon.chronicle import name_of
from vectormigrate.daemon.settings import DRY_RUN
from vectormigrate.model.events import Event
from vectormigrate.model.phase import Phase

STATIC = files("vectormigrate.api.dashboard") / "static"
OURS = sorted(
    one.name
    for one in STATIC.iterdir()
    if one.name.endswith((".js", ".css", ".html")) and "uplot" not in one.name
)


def text_of(name):
    return (STATIC / name).read_text()


@pytest.fixture(scope="module")
def client():
    return TestClient(Starlette(routes=dashboard(None, None)))


def test_the_root_leads_to_the_page(client):
    answer = client.get("/", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, ROOT)


def test_everything_that_the_page_wants_is_there_and_of_its_kind(client):
    page = client.get(ROOT)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    wanted = set(re.findall(r'(?:src|href)="([\w.]+)"', page.text))
    wanted |= {one for name in OURS for one in re.findall(r'from "\./([\w.]+)"', text_of(name))}
    assert {"app.js", "style.css", "uplot.js", "api.js"} <= wanted
    for name in wanted:
        kind = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}[name.rpartition(".")[2]]
        assert client.get(ROOT + name).headers["content-type"].startswith(kind)


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs_that_is_not_a_file(client):
    page = client.get(ROOT)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in OURS:
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text_of(name)), name
        assert "innerHTML" not in text_of(name)
    assert not re.search(r"<script(?![^>]* src=)|\son\w+=|\sstyle=", page.text)


def test_a_file_that_has_not_changed_is_not_sent_again(client):
    tag = client.get(ROOT + "app.js").headers["etag"]
    again = client.get(ROOT + "app.js", headers={"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_not_a_part_of_the_page_is_not_served(client):
    for name in ("vendored.json", "uplot.LICENSE", "__init__.py", "../commands.py", "none.js"):
        assert client.get(ROOT + name).status_code == 404


def test_what_others_wrote_is_what_they_published():
    (one,) = json.loads(text_of("vendored.json"))
    assert one["licence"] == "MIT"
    for name, digest in one["files"].items():
        assert hashlib.sha256((STATIC / name).read_bytes()).hexdigest() == digest


def test_it_hears_of_every_event():
    (heard,) = re.findall(r"const kinds = \[([^\]]*)\]", text_of("api.js"))
    assert set(re.findall(r'"(\w+)"', heard)) >= {name_of(kind) for kind in get_args(Event)}


BEFORE = {"migrate", "plan", "schema", "capture/install"}
"""Verbs for somebody who makes a migration, which a page about one that is there does not."""


def verbs_of_the_program():
    """What can be posted about one migration."""
    about = "/migrations/{id}/"
    return {
        route.path.removeprefix(about)
        for command in COMMANDS
        for route in command.routes
        if route.method == "POST" and route.path.startswith(about)
    }


def test_it_has_a_button_for_every_verb_of_the_program():
    buttons = set(re.findall(r'verb: "([\w/-]+)"', text_of("actions.js")))
    assert buttons <= verbs_of_the_program() <= buttons | BEFORE


def rows():
    """Each action of the page: its verb, and how it is written down."""
    found = re.split(r'verb: "([\w/-]+)"', text_of("actions.js").partition("export const sensible")[0])
    return list(zip(found[1::2], found[2::2], strict=True))


def command_of(verb):
    """The row of the table for what is posted there, and whether it only looks."""
    for command in COMMANDS:
        for route in command.routes:
            if (route.method, route.path) == ("POST", f"/migrations/{{id}}/{verb}"):
                harmless = route.given.get("action") in command.harmless
                return command, command.effect is Effect.LOOKS or harmless
    raise AssertionError(verb)


def test_every_action_is_tried_dry_where_it_can_be_and_typed_unless_it_only_looks():
    assert len(rows()) > 20
    for verb, row in rows():
        command, looks = command_of(verb)
        assert ("looks: true" in row) == looks, verb
        can = DRY_RUN in command.settings
        assert looks or ("dry: false" not in row) == can, verb


def test_of_several_parts_it_can_be_gone_back_while_some_are_cut_over_and_nothing_is_taken_away():
    said = dict(rows())
    assert '"verified"' in said["revert"]
    assert 'status.primary === "both"' in said["revert"]
    assert 'status.primary === "source"' in said["rollback"]


def test_whatever_changes_one_migration_has_a_dry_run():
    about = "/migrations/{id}/"
    without = {
        command.name
        for command in COMMANDS
        for route in command.routes
        if route.method == "POST" and route.path.startswith(about) and command.effect is not Effect.LOOKS
        if DRY_RUN not in command.settings
    }
    assert without == set()


def test_its_phases_are_those_of_the_program():
    phases = {
        one
        for found in re.findall(
            r"(?:phases: |const (?:WORKING|RESTING|FULL) = )\[([^\]]*)\]", text_of("actions.js")
        )
        for one in re.findall(r'"(\w+)"', found)
    }
    phases |= {
        one
        for found in re.findall(r"(?:offline|live): \[([^\]]*)\]", text_of("app.js"))
        for one in re.findall(r'"(\w+)"', found)
    }
    assert "verified" in phases
    assert phases <= {phase.value for phase in Phase}
