"""The Milvus witness against a real Milvus Lite, each time in a process of its own."""

import numpy as np

from vectormigrate.cli.demo import dataset
from vectormigrate.cli.demo.process import CommandLine
from vectormigrate.cli.demo.witness import Request, seen


async def test_it_puts_records_there_and_another_process_reads_them_bit_for_bit(tmp_path):
    vector = np.random.default_rng(7).normal(size=dataset.DIM).astype(np.float32)
    record = {
        "synset": "note-1",
        "embedding": vector.tolist(),
        "text": "écrite avant",
        "tags": {"of": [1, None]},
    }
    command, path = CommandLine(tmp_path), str(tmp_path / "milvus.db")
    put = await command.witness(Request(kind="milvus", url=path, collection="things", add=[record]))
    rest = {name: value for name, value in record.items() if name != "embedding"}
    assert put == {"note-1": seen(vector, rest)}
    assert await command.witness(Request(kind="milvus", url=path, collection="things")) == put
