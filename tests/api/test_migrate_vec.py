"""The REST door of qortex: its curl line, its answer, its errors."""

import asyncio
import json

import pytest

from tests.daemon.test_vec import qortex_file
from tests.fakes.api import KEY, NEEDS_CURL, site
from vectormigrate.daemon.secrets import Secrets

ANSWER = {
    "source_type": "sqlite",
    "dest_type": "memory",
    "batches": 1,
    "vectors_read": 12,
    "vectors_written": 12,
    "dry_run": False,
}
PATH = "/v1/admin/migrate-vec"


@pytest.fixture
async def here(tmp_path):
    qortex_file(tmp_path / "vectors.db")
    environ = {"QORTEX_VEC": "memory", "QORTEX_VEC_PATH": str(tmp_path / "vectors.db")}
    async with site(tmp_path, secrets=Secrets({}, environ)) as found:
        yield found


LINE = """curl -X POST http://localhost:8400/v1/admin/migrate-vec \\
  -H "Content-Type: application/json" \\
  -d '{"source_type": "sqlite", "batch_size": 500, "dry_run": false}'"""
"""As it stands in their document."""


@NEEDS_CURL
async def test_the_line_that_everybody_knows(here):
    line = LINE.replace("localhost:8400", f"localhost:{here.address.port}")
    process = await asyncio.create_subprocess_shell(
        line.replace("curl", f"curl -sS --noproxy '*' -H 'Authorization: Bearer {KEY}'"),
        stdout=asyncio.subprocess.PIPE,
    )
    told = json.loads((await process.communicate())[0])
    assert told.pop("duration_seconds") >= 0
    assert told == ANSWER


async def test_it_is_counted_and_told_in_the_words_of_qortex(here, caplog):
    caplog.set_level("INFO")
    await here.ask("POST", PATH, {"source_type": "sqlite"})
    numbers = (await here.parts.dispatcher.desk._host.numbers()).decode()
    assert "\nqortex_migration_vectors_total 12.0\n" in numbers
    assert "\nqortex_migration_duration_seconds_count 1.0\n" in numbers
    told = [line.split()[0] for line in caplog.messages if line.startswith("vec.migrate")]
    assert told == ["vec.migrate.start", "vec.migrate.batch", "vec.migrate.complete"]


async def test_both_names_and_a_dry_run(here):
    for body in (
        {"source": "sqlite", "dry_run": True},
        {"source_type": "sqlite", "dest_type": "memory", "dry_run": "true"},
    ):
        status, told = await here.ask("POST", PATH, body)
        assert (status, told["vectors_read"], told["vectors_written"], told["dry_run"]) == (200, 12, 0, True)
    status, operation = await here.ask(
        "POST", PATH + "?async=true", {"source_type": "sqlite", "dry_run": True}
    )
    assert status == 202
    assert (await here.finished(operation)).result["vectors_read"] == 12


async def test_what_is_wrong_is_told_in_its_words(here):
    for body in (
        {},
        {"source": "oracle"},
        {"source": "sqlite", "batch_size": 0},
        {"source": "sqlite", "batch_size": -1},
        {"source": "sqlite", "batch_size": "many"},
        {"source": "sqlite", "dest_type": "sqlite"},
        {"source": "sqlite", "source_type": "memory"},
        {"source": "sqlite", "colour": 1},
    ):
        status, told = await here.ask("POST", PATH, body)
        assert (body, status, list(told)) == (body, 400, ["error"])
    authorized = b"Authorization: Bearer " + KEY.encode()
    answer = await here.raw("POST", PATH, b'{"source": "sqlite"}', authorized)  # not said to be JSON
    assert (answer.status, list(json.loads(answer.body))) == (400, ["error"])
    status, told = await here.ask("POST", PATH, {}, key="wrong")
    assert (status, list(told)) == (401, ["error"])


async def test_one_at_a_time(here):
    async with here.parts.dispatcher.desk._moving:
        status, told = await here.ask("POST", PATH, {"source": "sqlite"})
    assert (status, "already" in told["error"]) == (409, True)


async def test_what_is_refused_before_it_is_begun_is_written_down_too(here):
    assert (await here.ask("POST", "/v1/admin/migrate-vec", {"source": "nowhere"}))[0] == 400
    async with asyncio.timeout(10):  # the row comes behind the answer
        while not (rows := [row for row in await here.audit() if row["verb"].startswith("POST ")]):
            await asyncio.sleep(0.01)
    assert [(row["verb"], row["outcome"]) for row in rows] == [("POST /v1/admin/migrate-vec", "400")]
    assert "nowhere" in rows[0]["detail"]
