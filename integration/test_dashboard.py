"""The dashboard in a real browser, over a real daemon in front of an emulated Qdrant: looked at, and used to cut over and back.

Skipped, and listed, where there is no Chromium. Screenshots go to `docs/images` when VECTORMIGRATE_SCREENSHOTS is set.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from qdrant_client import QdrantClient, models

from tests.fakes.milvus import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
KEY = "a-key-of-the-dashboard-test-0123456789"
PICTURES = Path(__file__).parent.parent / "docs" / "images"
PROGRAM = str(Path(sys.executable).parent / "vectormigrate")

PHOTOGRAPHED = bool(os.environ.get("VECTORMIGRATE_SCREENSHOTS"))
WHOLE = ("dashboard-whole", "dashboard-copying", "dashboard-dark", "dashboard-parts")
"""Pictures of a page to its end."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium: no browser is installed")


class Daemon:
    """A Qdrant in use, a daemon in front of it, and a migration that is verified."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.source, self.listen, self.api = free_port(), free_port(), free_port()
        (folder / "v.toml").write_text(
            f"""
state = "{folder}/state.db"
[listeners.main]
dialect = "qdrant"
listen = "127.0.0.1:{self.listen}"
upstream = "http://127.0.0.1:{self.source}"
[api]
addr = "127.0.0.1:{self.api}"
api_key = "env:DASHBOARD_KEY"
[stores.old]
kind = "qdrant"
url = "http://127.0.0.1:{self.source}"
[stores.new]
kind = "sqlite"
url = "{folder}/target.db"
[migrations.docs]
source = "old"
source_index = "docs"
target = "new"
target_index = "docs"
mode = "proxied"
quarantine = 1.0
"""
        )
        self._processes: list[subprocess.Popen[bytes]] = []

    def _start(self, *words: str) -> None:
        with (self.folder / f"{words[0]}.log").open("ab") as log:
            environ = {**os.environ, "DASHBOARD_KEY": KEY}
            self._processes.append(subprocess.Popen([PROGRAM, *words], env=environ, stdout=log, stderr=log))

    def __enter__(self) -> Self:
        self._start("emulate", "qdrant", "--listen", f"127.0.0.1:{self.source}")
        self._start("serve", "--config", str(self.folder / "v.toml"))
        deadline = time.monotonic() + 60
        while not self._ready():
            assert time.monotonic() < deadline, (self.folder / "serve.log").read_text()
            time.sleep(0.1)
        self.client = QdrantClient(url=f"http://127.0.0.1:{self.listen}", check_compatibility=False)
        params = models.VectorParams(size=16, distance=models.Distance.COSINE)
        self.client.create_collection("docs", vectors_config=params)
        random = np.random.default_rng(1)
        points = [
            models.PointStruct(id=n, vector=random.standard_normal(16).tolist(), payload={"n": n})
            for n in range(2000)
        ]
        self.client.upsert("docs", points)
        self.run("migrate", "docs")
        return self

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.api}/readyz", timeout=1) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def run(self, *words: str) -> str:
        """A command line in another shell."""
        done = subprocess.run(
            [PROGRAM, *words, "--config", str(self.folder / "v.toml")],
            env={**os.environ, "DASHBOARD_KEY": KEY},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def __exit__(self, *_: object) -> None:
        self.client.close()
        for process in reversed(self._processes):
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("dashboard")) as made:
        yield made


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield made
        made.close()


def opened(browser: Browser, daemon: Daemon, at: str = "/", **words: object) -> tuple[Page, list[str]]:
    """A page of an operator, and what went wrong in it."""
    context = browser.new_context(http_credentials={"username": "operator", "password": KEY}, **words)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type in ("error", "warning") else None)
    page.goto(f"http://127.0.0.1:{daemon.api}{at}")
    return page, wrong


def picture(page: Page, name: str) -> None:
    if PHOTOGRAPHED:
        PICTURES.mkdir(exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}.png", full_page=name in WHOLE)


@contextmanager
def traffic(daemon: Daemon) -> Iterator[None]:
    """An application that goes on writing and searching in a thread of its own, over records that are there."""
    over = threading.Event()
    random = np.random.default_rng(2)

    def application() -> None:
        client = QdrantClient(url=f"http://127.0.0.1:{daemon.listen}", check_compatibility=False)
        while not over.wait(0.02):
            vector, number = random.standard_normal(16).tolist(), int(random.integers(2000))
            client.upsert("docs", [models.PointStruct(id=number, vector=vector, payload={"n": number})])
            client.query_points("docs", query=vector, limit=3)
        client.close()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(application)
        try:
            yield
        finally:
            over.set()
        running.result(60)


def the_copy_is_under_way(page: Page, daemon: Daemon) -> None:
    """For a picture of it: as slow as a large one is."""
    expect(page.get_by_text("a second, ").first).to_be_visible(timeout=60_000)
    expect(page.locator("progress")).to_have_attribute("value", re.compile("1[0-9]{3}"), timeout=60_000)
    picture(page, "dashboard-copying")
    daemon.run("unthrottle", "docs")


def what_passes_is_timed(browser: Browser, daemon: Daemon, page: Page) -> None:
    """Beside the source's own share, for as long as requests come."""
    card = page.locator("section.card", has=page.get_by_role("heading", name="Latency through the daemon"))
    expect(card.get_by_role("row").nth(1)).to_have_text(
        re.compile(r"main(<?\d+(\.\d)? m?s / \d+(\.\d)? m?s){3}"), timeout=60_000
    )
    picture(page, "dashboard-whole")
    dark, wrong = opened(
        browser, daemon, at="/dashboard/#/docs", viewport={"width": 1600, "height": 1000}, color_scheme="dark"
    )
    expect(dark.get_by_text("vectors equal to the bit")).to_be_visible(timeout=30_000)
    shades = dark.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert max(shades[:3]) < 64
    for _ in range(2 if PHOTOGRAPHED else 0):  # so that there is a line in the chart
        dark.wait_for_event(
            "requestfinished", lambda one: one.url.endswith("/v1/migrations/docs"), timeout=30_000
        )
    picture(dark, "dashboard-dark")
    dark.context.close()
    assert [line for line in wrong if "401" not in line] == []  # the browser asks once without the key


def confirmed(page: Page, verb: str, says: str = "", *, name: str = "docs", **fields: str) -> None:
    """Press a button, fill in its field, read its dry run, type the name, and do it."""
    page.get_by_role("button", name=verb, exact=True).click(timeout=30_000)
    dialog = page.get_by_role("dialog")
    for label, value in fields.items():
        dialog.get_by_label(label.replace("_", " ")).fill(value)
        expect(dialog.get_by_role("button", name=verb, exact=True)).to_be_disabled()
        page.keyboard.press("Tab")
    expect(dialog.get_by_text("The dry run says yes")).to_be_visible(timeout=30_000)
    expect(dialog.get_by_text(says).first).to_be_visible(timeout=30_000)
    go = dialog.get_by_role("button", name=verb, exact=True)
    expect(go).to_be_disabled()
    dialog.get_by_label(f"Type {name} to confirm").fill(name[:-1])
    expect(go).to_be_disabled()
    dialog.get_by_label(f"Type {name} to confirm").fill(name)
    if (verb, name) == ("Attest", "docs"):
        picture(page, "dashboard-attest")
    go.click()
    expect(dialog.get_by_text(f"{verb}: done.")).to_be_visible(timeout=60_000)
    dialog.get_by_role("button", name="Close").click()


def the_report_is_there(page: Page, daemon: Daemon) -> None:
    """For people, and for `report verify`; and what explains the API."""
    with page.expect_download() as began:
        page.get_by_role("link", name="the same as signed JSON").click()
    kept = daemon.folder / "report.json"
    began.value.save_as(kept)
    assert "Equal: all 2,000 records" in daemon.run("report", "verify", str(kept))
    page.get_by_role("link", name="the report").click()
    expect(page.get_by_text("Equal: all 2,000 records were compared")).to_be_visible(timeout=30_000)
    picture(page, "report")
    page.go_back()
    page.get_by_role("link", name="API").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=30_000)
    page.go_back()
    expect(page.get_by_role("heading", name="docs", level=1)).to_be_visible(timeout=30_000)


def test_without_the_key_there_is_nothing_to_see(browser: Browser, daemon: Daemon) -> None:
    answer = browser.new_context().request.get(f"http://127.0.0.1:{daemon.api}/dashboard/")
    assert answer.status == 401
    assert "<" not in answer.text()


def test_a_migration_is_watched_attested_cut_over_and_reverted(browser: Browser, daemon: Daemon) -> None:
    page, wrong = opened(browser, daemon, viewport={"width": 1280, "height": 900})
    page.get_by_role("link", name="docs").click()
    expect(page.get_by_role("heading", name="docs", level=1)).to_be_visible(timeout=30_000)
    confirmed(page, "Pause", "passthrough -> paused")
    confirmed(page, "Resume", "paused -> passthrough")
    assert json.loads(daemon.run("status", "docs", "--json"))["phase"] == "passthrough"
    if PHOTOGRAPHED:
        daemon.run("throttle", "docs", "--max-rate", "90")
    confirmed(
        page, "Attest", "passthrough -> backfill: the copy of 2,000 records would begin", Your_name="anna"
    )
    if PHOTOGRAPHED:
        with traffic(daemon):
            the_copy_is_under_way(page, daemon)
    expect(page.get_by_role("button", name="Cut over")).to_be_visible(timeout=120_000)
    expect(page.get_by_text("2,000 of 2,000 records")).to_be_visible()
    expect(page.get_by_text("✓ compared")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("vectors equal to the bit")).to_be_visible(timeout=30_000)
    assert "[object" not in page.locator("main").inner_text()
    with traffic(daemon):
        what_passes_is_timed(browser, daemon, page)
    the_report_is_there(page, daemon)
    confirmed(page, "Cut over")
    expect(page.get_by_text("; the target answers the application")).to_be_visible(timeout=30_000)
    assert daemon.client.count("docs").count == 2000  # from the target
    confirmed(
        page, "Share reads", "the source would answer 20% of the reads, not 0%", Share_of_the_reads="0.2"
    )
    confirmed(page, "Revert")
    expect(page.get_by_text("; the source answers the application")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Compare a sample").click(timeout=30_000)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Records, chosen at random").fill("50")
    expect(dialog.get_by_role("button", name="Compare a sample")).to_be_disabled()
    page.keyboard.press("Tab")
    expect(dialog.get_by_text("50 records, chosen at random, would be looked up")).to_be_visible(
        timeout=30_000
    )
    page.keyboard.type("docs")  # by keyboard alone
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("Compare a sample: done.")).to_be_visible(timeout=60_000)
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_text("50 compared").first).to_be_visible(timeout=30_000)
    assert wrong == []


def test_it_can_be_used_on_a_phone_in_the_dark_and_by_keyboard(browser: Browser, daemon: Daemon) -> None:
    page, wrong = opened(browser, daemon, viewport={"width": 390, "height": 844}, color_scheme="dark")
    expect(page.get_by_role("link", name="docs")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="docs").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="docs", level=1)).to_be_visible(timeout=30_000)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="To the content").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("[document.activeElement.id, location.hash]") == ["main", "#/docs"]
    page.locator("main .buttons button").first.focus()
    held = page.evaluate("document.activeElement.textContent")
    for _ in range(2):  # what is shown is asked for again, and who is on a button stays there
        page.wait_for_event(
            "requestfinished", lambda one: one.url.endswith("/v1/migrations/docs"), timeout=30_000
        )
    assert page.evaluate("document.activeElement.textContent") == held
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    picture(page, "dashboard-phone")
    assert wrong == []


def test_a_migration_has_an_address_of_its_own_and_is_steered_there(browser: Browser, daemon: Daemon) -> None:
    page, wrong = opened(browser, daemon, at="/dashboard/#/docs")
    confirmed(page, "Throttle", "throttle-hold would be True, not False")
    expect(page.get_by_text("Set: throttle-hold=true").first).to_be_visible(timeout=30_000)
    confirmed(page, "Unthrottle", "throttle-hold would be as it was asked for, not True")
    page.get_by_role("button", name="Check", exact=True).click(timeout=30_000)
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Check", exact=True).click()  # it only looks: nothing is typed
    expect(dialog.get_by_text("Check: done.")).to_be_visible(timeout=60_000)
    dialog.get_by_role("button", name="Close").click()
    expect(page.get_by_role("button", name="Unthrottle")).to_have_count(0)
    assert [line for line in wrong if "401" not in line] == []  # the browser asks once without the key


def test_what_stood_still_is_repaired(browser: Browser, daemon: Daemon) -> None:
    target = (
        "--target-type",
        "sqlite",
        "--target-url",
        str(daemon.folder / "off.db"),
        "--target-index",
        "docs",
    )
    daemon.run("migrate", "off", "--source", "old", "--source-index", "docs", *target)
    with sqlite3.connect(daemon.folder / "off.db") as connection:
        connection.execute("DELETE FROM docs WHERE rowid < 4")
    page, _ = opened(browser, daemon, at="/dashboard/#/off")
    page.get_by_role("button", name="Repair").click(timeout=30_000)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Type off to confirm").fill("off")
    go = dialog.get_by_role("button", name="Repair")
    expect(go).to_be_disabled()
    dialog.get_by_role("button", name="Dry run").click()
    expect(dialog.get_by_text("3 missing")).to_be_visible(timeout=60_000)
    go.click()
    expect(dialog.get_by_text("Repair: done.")).to_be_visible(timeout=60_000)
    with sqlite3.connect(daemon.folder / "off.db") as connection:
        assert connection.execute("SELECT count(*) FROM docs").fetchone() == (2000,)


def test_a_live_migration_of_several_parts_is_watched_and_steered_as_one(
    browser: Browser, daemon: Daemon
) -> None:
    random = np.random.default_rng(3)
    for name in ("shop-a", "shop-b", "shop-c"):
        params = models.VectorParams(size=16, distance=models.Distance.COSINE)
        daemon.client.create_collection(name, vectors_config=params)
        daemon.client.upsert(
            name,
            [models.PointStruct(id=n, vector=random.standard_normal(16).tolist()) for n in range(100)],
        )
    daemon.run(
        "migrate", "shop", "--mode", "proxied", "--source", "old", "--each-collection", "shop-*",
        "--target-type", "sqlite", "--target-url", str(daemon.folder / "shop.db"), "--quarantine", "1",
    )  # fmt: skip
    page, wrong = opened(browser, daemon, at="/dashboard/#/shop", viewport={"width": 1280, "height": 900})
    events = page.get_by_label("Events, newest first")
    confirmed(page, "Attest", "the copy of 100 records would begin", name="shop", Your_name="anna")
    parts = page.get_by_role("region", name="Part, Phase, From, To, Copied, Owed, Findings")
    for name in ("a", "b", "c"):  # as it happens, each by the name of its part
        expect(events.get_by_text(f"shop-{name}: phase: catch_up -> verified").first).to_be_visible(
            timeout=60_000
        )
        expect(parts.get_by_role("row").filter(has_text=f"shop:shop-{name}")).to_contain_text("100 of 100")
    expect(page.get_by_text("300 records of 3 parts were compared, and no part differs")).to_be_visible(
        timeout=60_000
    )
    expect(page.get_by_role("button", name="Revert")).to_have_count(0)
    daemon.run("cutover", "shop:shop-a", "--yes")
    expect(page.get_by_text("both answer the application, part by part")).to_be_visible(timeout=30_000)
    picture(page, "dashboard-parts")
    expect(page.get_by_role("button", name="Roll back")).to_have_count(0)
    confirmed(page, "Revert", name="shop")
    confirmed(page, "Cut over", name="shop")
    expect(page.get_by_text("; the target answers the application")).to_be_visible(timeout=30_000)
    confirmed(page, "Revert", name="shop")
    expect(page.get_by_role("button", name="Roll back")).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="the report").click()
    expect(page.get_by_text("Equal: all 300 records were compared")).to_be_visible(timeout=30_000)
    assert page.get_by_text("not compared").count() == 0
    page.go_back()
    confirmed(page, "Roll back", name="shop")
    expect(page.get_by_text("rolled back").first).to_be_visible(timeout=30_000)
    assert [line for line in wrong if "401" not in line] == []  # the browser asks once without the key


def test_a_crowd_of_events_does_not_put_off_the_look(browser: Browser, daemon: Daemon) -> None:
    page, wrong = opened(browser, daemon)
    event = {"at": "2026-01-01T00:00:00Z", "migration_id": "docs", "kind": "warned", "text": "again"}
    crowd = f"event: warned\ndata: {json.dumps(event)}\n\n" * 60
    page.route("**/v1/events", lambda route: route.fulfill(body=crowd, content_type="text/event-stream"))
    page.goto(f"http://127.0.0.1:{daemon.api}/dashboard/?again#/docs")
    expect(page.get_by_text("again").first).to_be_visible(timeout=30_000)
    for _ in range(3):
        page.wait_for_event(
            "requestfinished", lambda one: one.url.endswith("/v1/migrations/docs"), timeout=30_000
        )
    assert wrong == []


def test_the_page_says_so_when_the_daemon_does_not_answer_and_what_it_shows_is_not_markup(
    browser: Browser, daemon: Daemon
) -> None:
    page, _ = opened(browser, daemon)
    page.goto(f"http://127.0.0.1:{daemon.api}/dashboard/#/<img src=x onerror=alert(1)>")
    expect(page.get_by_text("there is no migration")).to_be_visible(timeout=30_000)
    assert page.locator("img").count() == 0
    page.route("**/v1/**", lambda route: route.abort())
    expect(page.locator("#connection")).to_have_text("the daemon does not answer", timeout=30_000)
    expect(page.locator("#told")).to_have_text("the daemon does not answer")
