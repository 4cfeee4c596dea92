"""A word to the owner of a state file."""

import asyncio
import stat

import pytest

from vectormigrate.daemon.control_socket import ask_owner, listening
from vectormigrate.model.errors import GateRefused


async def echo(verb, migration_id):
    return {"verb": verb, "id": migration_id}


async def test_an_answer(tmp_path):
    async with listening(tmp_path / "state.db", echo):
        assert await ask_owner(tmp_path / "state.db", "pause", "docs") == {"verb": "pause", "id": "docs"}


async def test_nobody_owns_it(tmp_path):
    assert await ask_owner(tmp_path / "state.db", "pause", "docs") is None


async def test_what_a_dead_owner_left_is_nobody(tmp_path):
    async with listening(tmp_path / "state.db", echo):
        pass
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "state.db.sock").touch()
    assert await ask_owner(tmp_path / "state.db", "pause", "docs") is None
    async with listening(tmp_path / "state.db", echo):
        assert await ask_owner(tmp_path / "state.db", "stop", "docs")


async def test_an_error_arrives_as_it_is(tmp_path):
    async def refuse(verb, migration_id):
        raise GateRefused("not now", hint="later")

    async with listening(tmp_path / "state.db", refuse):
        with pytest.raises(GateRefused, match="not now") as caught:
            await ask_owner(tmp_path / "state.db", "pause", "docs")
    assert caught.value.hint == "later"


async def test_only_its_user_may_speak(tmp_path):
    async with listening(tmp_path / "state.db", echo):
        assert stat.S_IMODE((tmp_path / "state.db.sock").stat().st_mode) & 0o077 == 0


async def test_a_folder_deeper_than_a_socket_path_may_be(tmp_path):
    deep = tmp_path.joinpath(*["d" * 40] * 4)
    deep.mkdir(parents=True)
    async with listening(deep / "state.db", echo):
        assert await ask_owner(deep / "state.db", "pause", "docs")


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n", b"\n", b"[1]\n"])
async def test_nonsense_does_not_end_the_owner(tmp_path, line):
    async with listening(tmp_path / "state.db", echo):
        reader, writer = await asyncio.open_unix_connection(str(tmp_path / "state.db.sock"))
        writer.write(line)
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert await ask_owner(tmp_path / "state.db", "pause", "docs")
