"""Frames between a crew and its worker processes."""

import asyncio

import pytest

from vectormigrate.daemon.pipe import FROM_WORKER, TO_WORKER, Answered, Asked, Failed, frame, read_frame
from vectormigrate.engine.work import Lease, Release
from vectormigrate.model.errors import Throttled, error_from_dict


def reader(data):
    stream = asyncio.StreamReader()
    stream.feed_data(data)
    stream.feed_eof()
    return stream


async def test_frames_come_out_as_they_went_in():
    sent = [Asked(1, Release(7, lost=True)), Failed(Throttled("slow down", retry_after=2.0).as_dict())]
    stream = reader(b"".join(frame(message) for message in sent))
    assert FROM_WORKER.decode(await read_frame(stream)) == sent[0]
    failed = FROM_WORKER.decode(await read_frame(stream))
    error = error_from_dict(failed.error)
    assert isinstance(error, Throttled)
    assert (error.message, error.retry_after) == ("slow down", 2.0)
    assert await read_frame(stream) is None


async def test_answers_come_back():
    stream = reader(frame(Answered(3, None)))
    assert TO_WORKER.decode(await read_frame(stream)) == Answered(3, None)


@pytest.mark.parametrize("cut", [0, 1, 4, 5])
async def test_a_frame_that_was_cut_is_the_end(cut):
    assert await read_frame(reader(frame(Asked(1, Lease()))[:cut])) is None
