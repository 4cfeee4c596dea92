import asyncio

import pytest

from vectormigrate.model.errors import UsageError
from vectormigrate.stores.neutral import idempotency
from vectormigrate.stores.neutral.idempotency import Idempotency
from vectormigrate.stores.raw import HttpRequest, HttpResponse


class Answers:
    """What is done, each time something is done."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.done = 0
        self.go = asyncio.Event()
        self.go.set()

    async def __call__(self):
        self.done += 1
        await self.go.wait()
        status = self.statuses.pop(0) if self.statuses else 200
        if isinstance(status, BaseException):
            raise status
        return HttpResponse(status, (), b"%d" % self.done)


def request(key=b"k", body=b"x", path="/a", method="PUT"):
    headers = () if key is None else ((b"idempotency-key", key),)
    return HttpRequest(method, path, headers=headers, body=body)


@pytest.fixture
def once():
    return Idempotency().once


async def test_without_a_key_it_is_done_each_time(once):
    answers = Answers()
    await once(request(None), answers)
    await once(request(None), answers)
    assert answers.done == 2


async def test_with_a_key_it_is_done_once(once):
    answers = Answers()
    first = await once(request(), answers)
    assert await once(request(), answers) is first
    assert answers.done == 1
    await once(request(b"other"), answers)
    assert answers.done == 2


@pytest.mark.parametrize("other", [{"body": b"y"}, {"path": "/b"}, {"method": "POST"}])
async def test_a_key_belongs_to_one_request(once, other):
    await once(request(), Answers())
    with pytest.raises(UsageError, match="given to another request"):
        await once(request(**other), Answers())


@pytest.mark.parametrize("key", [b"", b"k" * 256])
async def test_what_is_no_key(once, key):
    with pytest.raises(UsageError):
        await once(request(key), Answers())


async def test_who_asks_meanwhile_waits_for_the_first(once):
    answers = Answers()
    answers.go.clear()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(once(request(), answers)) for _ in range(3)]
        await asyncio.sleep(0)
        answers.go.set()
    assert len({id(task.result()) for task in asking}) == answers.done == 1


@pytest.mark.parametrize("status", [400, 409, 429, 500, 503, 504])
async def test_an_error_is_not_kept(once, status):
    answers = Answers(status)
    assert (await once(request(), answers)).status == status
    assert (await once(request(), answers)).status == 200


async def test_what_nobody_foresaw_is_not_kept(once):
    answers = Answers(ValueError("a bug"))
    with pytest.raises(ValueError, match="a bug"):
        await once(request(), answers)
    assert (await once(request(), answers)).status == 200


@pytest.mark.parametrize("end", [ValueError("a bug"), asyncio.CancelledError()], ids=["error", "cancelled"])
async def test_when_the_first_goes_away_the_next_does_it(once, end):
    answers = Answers(end)
    answers.go.clear()
    loop = asyncio.get_running_loop()
    first, second = (loop.create_task(once(request(), answers)) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    answers.go.set()
    assert (await second).status == 200
    with pytest.raises(type(end)):
        await first
    assert answers.done == 2


async def test_who_waits_may_go_away_alone(once):
    answers = Answers()
    answers.go.clear()
    loop = asyncio.get_running_loop()
    first, second = (loop.create_task(once(request(), answers)) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    answers.go.set()
    assert (await first).status == 200


async def test_only_the_last_are_kept(once, monkeypatch):
    monkeypatch.setattr(idempotency, "_KEPT", 3)
    answers = Answers()
    for key in (b"1", b"2", b"3", b"4"):
        await once(request(key), answers)
    await once(request(b"4"), answers)
    assert answers.done == 4
    await once(request(b"1"), answers)
    assert answers.done == 5
