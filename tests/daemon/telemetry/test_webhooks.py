import base64
import hashlib
import hmac
import json

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.wire import raw_server
from vectormigrate.daemon.telemetry.happenings import Happening
from vectormigrate.daemon.telemetry.webhooks import Webhook, WebhookFailed, Webhooks, sign

OPENED = Happening("gap_opened", "move", {"why": "disk full"})


def parsed(raw):
    """Headers and body of a request."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")[1:]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}, body


def answering(*statuses):
    """A server's answers, one after the other, the last for ever."""
    left = list(statuses)

    async def respond(writer, _):
        status = left.pop(0) if len(left) > 1 else left[0]
        writer.write(b"HTTP/1.1 %d It\r\ncontent-length: 0\r\nlocation: /else\r\n\r\n" % status)
        await writer.drain()

    return respond


@pytest.fixture
def waits():
    return []


@pytest.fixture
async def sender(waits):
    async def sleep(seconds):
        waits.append(seconds)

    clock = FakeClock()
    made = Webhooks((), clock, sleep)
    yield made
    await made.close()


def receiver(port, **words):
    return Webhook("ops", f"http://127.0.0.1:{port}/in?token=hidden", "whsec_c2VjcmV0", **words)


async def test_a_receiver_can_tell_that_it_is_ours(sender):
    async with raw_server(answering(204)) as server:
        await sender.send(receiver(server.port), OPENED)
    headers, body = parsed(server.requests[0])
    told = json.loads(body)
    assert (told["type"], told["data"]) == ("gap_opened", {"migration_id": "move", "why": "disk full"})
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    expected = base64.b64encode(hmac.new(b"secret", signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["content-type"] == "application/json"


def test_the_specifications_own_example():
    """https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md"""
    signature = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "1614265330",
        b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_is_not_taken_is_sent_again_as_the_same_message(sender, waits):
    async with raw_server(answering(503, 302, 200)) as server:
        await sender.send(receiver(server.port), OPENED)
    assert len({parsed(raw)[0]["webhook-id"] for raw in server.requests}) == 1
    assert (len(server.requests), len(waits)) == (3, 2)


async def test_after_some_times_it_is_given_up_and_the_address_is_not_told(sender, waits):
    async with raw_server(answering(500)) as server:
        with pytest.raises(WebhookFailed, match="ops did not take it: answered 500") as told:
            await sender.send(receiver(server.port), OPENED)
    assert (len(server.requests), len(waits)) == (6, 5)
    with pytest.raises(WebhookFailed) as refused:
        await sender.send(receiver(server.port), OPENED)  # nobody listens any more
    assert "hidden" not in str(told.value) + str(refused.value) + repr(receiver(1))
    assert "whsec" not in repr(receiver(1))


async def test_one_that_is_gone_is_not_asked_again(sender):
    async with raw_server(answering(410)) as server:
        with pytest.raises(WebhookFailed, match="no more"):
            await sender.send(receiver(server.port), OPENED)
    assert len(server.requests) == 1


async def test_without_a_secret_there_is_no_signature(sender):
    async with raw_server(answering(200)) as server:
        await sender.send(Webhook("ops", f"http://127.0.0.1:{server.port}/", ""), OPENED)
    assert "webhook-signature" not in parsed(server.requests[0])[0]


def test_a_receiver_is_told_what_it_asked_for():
    assert receiver(1).wants(OPENED)
    assert receiver(1, events=frozenset({"gap_opened"})).wants(OPENED)
    assert not receiver(1, events=frozenset({"success"})).wants(OPENED)
