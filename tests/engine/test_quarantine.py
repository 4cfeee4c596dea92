"""The wait for requests that nobody answered: when it begins, how long it is, and what ends it."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.engine.quarantine import Quarantine
from vectormigrate.model.events import Warned
from vectormigrate.state import journal
from vectormigrate.state.database import Database
from vectormigrate.state.sessions import Session


class Strays:
    """A target that says how long a request of a dead process may still land."""

    def __init__(self, seconds):
        self.seconds = seconds

    async def settle(self):
        return self.seconds


@pytest.fixture
def database(tmp_path):
    owned = Database.open(tmp_path / "state.db")
    yield owned
    owned.close()


def quarantine(database, *, clean, strays, events=None, seconds=0.05):
    told = events if events is not None else []
    return Quarantine(
        database, Session(2, clean), "m", Strays(strays), FakeClock(), told.append, seconds=seconds
    )


async def stand(database):
    await database.write(lambda tx: journal.open_intent(tx, "m", 0, None, None, nonce="n", epoch=1))


async def states(database):
    return [intent.standing for intent in database.read(lambda tx: journal.intents(tx, "m"))]


@pytest.mark.parametrize(
    ("clean", "strays", "waits"), [(True, 60.0, False), (False, 60.0, True), (False, 0.0, False)]
)
async def test_it_waits_after_an_unclean_end_unless_the_store_knows_better(database, clean, strays, waits):
    events = []
    held = quarantine(database, clean=clean, strays=strays, events=events)
    await held.settle()
    await held.wait(asyncio.Event())
    assert [type(event) for event in events] == ([Warned] if waits else [])


async def test_a_page_that_stands_makes_it_wait_even_after_a_clean_end(database):
    await stand(database)
    events = []
    held = quarantine(database, clean=True, strays=60.0, events=events)
    await held.settle()
    await held.wait(asyncio.Event())
    assert (len(events), await states(database)) == (1, [False])


async def test_asked_to_stop_it_ends_at_once_and_lapses_nothing(database):
    await stand(database)
    held = quarantine(database, clean=False, strays=60.0, seconds=3600)
    await held.settle()
    stopping = asyncio.Event()
    stopping.set()
    await held.wait(stopping)
    assert await states(database) == [True]
