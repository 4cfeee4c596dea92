import asyncio
import os
from contextlib import asynccontextmanager

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.daemon.telemetry.happenings import Happening
from vectormigrate.daemon.telemetry.hooks import Hooks
from vectormigrate.daemon.telemetry.messenger import Messenger
from vectormigrate.daemon.telemetry.telemetry import Telemetry
from vectormigrate.daemon.telemetry.webhooks import Webhook, WebhookFailed, Webhooks
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.events import GapOpened, SecondaryUp


class Receivers(Webhooks):
    """Told in memory."""

    def __init__(self, *receivers):
        super().__init__(receivers, FakeClock(), asyncio.sleep)
        self.told = []
        self.open = asyncio.Event()
        self.open.set()
        self.fail = False

    async def send(self, receiver, happening):
        await self.open.wait()
        self.told.append((receiver.name, happening.name))
        if self.fail:
            raise WebhookFailed("no")


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def hook(folder, name, text):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@asynccontextmanager
async def messenger(folder, receivers):
    telemetry = Telemetry(FakeClock())
    hooks = None if folder is None else Hooks(folder, 30.0, os.environ)
    async with Supervisor() as supervisor:
        made = Messenger(hooks, receivers, telemetry)
        made.start(supervisor.spawn_lasting)
        made.numbers = telemetry.hooks
        yield made
        await made.close()


async def test_everybody_is_told_what_they_want_in_order(folder):
    hook(folder, "gap_opened", "echo $VECTORMIGRATE_WHY >> out")
    receivers = Receivers(Webhook("all", "", ""), Webhook("ups", "", "", frozenset({"secondary_up"})))
    async with messenger(folder, receivers) as made:
        made.on_event(GapOpened("move", "one"))
        made.on_event(GapOpened("move", "two"))
        made.on_event(SecondaryUp("move"))
    assert (folder / "out").read_text().split() == ["one", "two"]
    assert [name for to, name in receivers.told if to == "all"] == [
        "gap_opened",
        "gap_opened",
        "secondary_up",
    ]
    assert [name for to, name in receivers.told if to == "ups"] == ["secondary_up"]
    assert made.numbers == {("gap_opened", "ok"): 4, ("secondary_up", "ok"): 2}


async def test_one_that_fails_is_counted_and_holds_up_nothing(folder):
    hook(folder, "gap_opened", "exit 1")
    receivers = Receivers(Webhook("all", "", ""))
    receivers.fail = True
    async with messenger(folder, receivers) as made:
        made.on_event(GapOpened("move", "one"))
        made.on_event(SecondaryUp("move"))
    assert made.numbers == {("gap_opened", "failed"): 2, ("secondary_up", "failed"): 1}


async def test_a_step_waits_for_the_hook_and_for_nobody_else(folder):
    receivers = Receivers(Webhook("all", "", ""))
    receivers.open.clear()
    async with messenger(folder, receivers) as made:
        await made.ask("cutover", "move")
        hook(folder, "before_cutover", "exit 1")
        with pytest.raises(GateRefused):
            await made.ask("cutover", "move")
        receivers.open.set()
    assert receivers.told == [("all", "before_cutover")]


async def test_without_hooks_nothing_is_forbidden():
    async with messenger(None, Receivers()) as made:
        await made.ask("revert", "move")
        made.on_event(SecondaryUp("move"))
    assert made.numbers == {}


async def test_who_is_hopelessly_behind_loses_the_oldest(monkeypatch, caplog):
    monkeypatch.setattr("vectormigrate.daemon.telemetry.messenger._WAITING", 2)
    receivers = Receivers(Webhook("all", "", ""))
    async with messenger(None, receivers) as made:
        for number in range(4):
            made.tell(Happening(f"n{number}", "", {}))
    assert [name for _, name in receivers.told] == ["n2", "n3"]
    assert "n0 is not told" in caplog.text


async def test_the_end_does_not_wait_for_ever(monkeypatch, caplog):
    monkeypatch.setattr("vectormigrate.daemon.telemetry.messenger._LAST", 0.01)
    receivers = Receivers(Webhook("all", "", ""))
    receivers.open.clear()
    async with messenger(None, receivers) as made:
        made.tell(Happening("startup", "", {}))
    assert "not everything could be told" in caplog.text
