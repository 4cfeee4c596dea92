"""The assisting end of the conversation, over pipes."""

import asyncio
import os
import pickle

from tests.fakes.crew import job
from vectormigrate.daemon.assisting import Decode, Look, assist
from vectormigrate.daemon.pipe import framed, read_frame, streams
from vectormigrate.model.batch import Batch


async def pipe():
    out, into = os.pipe()
    return os.fdopen(out, "rb", 0), os.fdopen(into, "wb", 0)


async def test_it_says_that_it_is_ready_answers_by_number_and_ends_with_its_pipe(tmp_path):
    wanted = await job(tmp_path)
    theirs_out, ours_in = await pipe()
    ours_out, theirs_in = await pipe()
    reader, reading, writer = await streams(ours_out, ours_in)
    other_reader, other_reading, other_writer = await streams(theirs_out, theirs_in)
    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(assist(wanted.source, other_reader, other_writer))
        assert await read_frame(reader) == b""
        works = [Decode([empty]), Look("docs", [1, 99], None), Look("nothing", [1], None)]
        for number, work in enumerate(works):
            writer.write(framed(pickle.dumps((number, work))))
        answers = dict([pickle.loads(await read_frame(reader)) for _ in works])
        writer.close()
    other_writer.close()
    for transport in (reading, other_reading):
        transport.close()
    assert answers[0].value[1] == [0]
    assert answers[1].value.ids == [1]
    assert answers[2].error["code"] == "collection_missing"


def empty():
    return Batch([])
