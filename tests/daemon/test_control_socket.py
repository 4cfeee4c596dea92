"""A word to the owner of a state file."""

import asyncio
import stat

import pytest

from vectormigrate.daemon import control_socket
from vectormigrate.daemon.control_socket import ask_owner, listening
from vectormigrate.model.errors import GateRefused, VectormigrateError


async def echo(verb, migration_id, arguments):
    return {"verb": verb, "id": migration_id, **arguments}


async def test_what_is_said_with_a_verb_arrives(tmp_path):
    async with listening(tmp_path / "state.db", echo):
        told = await ask_owner(tmp_path / "state.db", "reads", "docs", {"share": 0.5})
    assert told == {"verb": "reads", "id": "docs", "share": 0.5}


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
    async def refuse(verb, migration_id, arguments):
        raise GateRefused("not now", hint="later")

    async with listening(tmp_path / "state.db", refuse):
        with pytest.raises(GateRefused, match="not now") as caught:
            await ask_owner(tmp_path / "state.db", "pause", "docs")
    assert caught.value.hint == "later"


async def test_what_was_not_foreseen_is_told_and_is_no_silence(tmp_path, caplog):
    async def stumble(verb, migration_id, arguments):
        raise ValueError("a bug")

    async with listening(tmp_path / "state.db", stumble):
        with pytest.raises(
            VectormigrateError, match="could not pause 'docs': something that was not foreseen"
        ):
            await ask_owner(tmp_path / "state.db", "pause", "docs")
    assert "a bug" in caplog.text


async def test_an_owner_that_ends_meanwhile_is_not_taken_for_nobody(tmp_path):
    async def die(reader, writer):
        await reader.readline()
        writer.close()

    async with await asyncio.start_unix_server(die, str(tmp_path / "state.db.sock")):
        with pytest.raises(GateRefused, match="ended before it answered"):
            await ask_owner(tmp_path / "state.db", "pause", "docs")


async def test_a_long_answer_arrives_whole(tmp_path):
    async def tell(verb, migration_id, arguments):
        return {"findings": ["x" * 1000] * 1000}

    async with listening(tmp_path / "state.db", tell):
        told = await ask_owner(tmp_path / "state.db", "validate", "docs")
    assert len(told["findings"]) == 1000


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


async def test_whoever_asked_before_the_end_is_answered_though_the_owner_leaves(tmp_path):
    asked, leave = asyncio.Event(), asyncio.Event()

    async def answer(verb, migration_id, arguments):
        asked.set()
        await leave.wait()
        for _ in range(20):
            await asyncio.sleep(0)  # it takes a while to put the answer together
        return {"done": verb}

    async with asyncio.TaskGroup() as tasks, listening(tmp_path / "state.db", answer):
        asking = tasks.create_task(ask_owner(tmp_path / "state.db", "pause", "docs"))
        await asked.wait()
        leave.set()
    assert asking.result() == {"done": "pause"}


async def test_an_owner_that_takes_too_long_is_an_error_of_ours(tmp_path, monkeypatch):
    monkeypatch.setattr(control_socket, "_LAST_WORD", 0.05)

    async def answer(verb, migration_id, arguments):
        await asyncio.sleep(0.2)
        return {}

    async with listening(tmp_path / "state.db", answer):
        with pytest.raises(GateRefused, match="did not answer within"):
            await ask_owner(tmp_path / "state.db", "pause", "docs", within=0.05)


async def test_a_folder_that_is_not_there_is_nobody(tmp_path):
    assert await ask_owner(tmp_path / "none" / "state.db", "pause", "docs") is None


async def test_a_link_to_the_state_file_leads_to_its_owner(tmp_path):
    async def answer(verb, migration_id, arguments):
        return {"done": verb}

    (tmp_path / "state.db").touch()
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "other.db").symlink_to(tmp_path / "state.db")
    async with listening(tmp_path / "state.db", answer):
        assert await ask_owner(tmp_path / "link" / "other.db", "stop", "docs") == {"done": "stop"}
