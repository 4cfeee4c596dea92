from vectormigrate.state import operations
from vectormigrate.state.operations import StoredAnswer, StoredOperation

ONE = StoredOperation("op1", "validate", "docs", "key ab", "running", "2026-01-01")


async def test_an_operation_is_begun_ended_and_found(database):
    await database.write(lambda tx: operations.begin(tx, ONE))
    assert database.read(lambda tx: operations.get(tx, "op1")) == ONE
    await database.write(lambda tx: operations.end(tx, "op1", "succeeded", at="2026-01-02", result="{}"))
    done = database.read(lambda tx: operations.get(tx, "op1"))
    assert (done.state, done.ended_at, done.result, done.error) == ("succeeded", "2026-01-02", "{}", None)
    assert database.read(lambda tx: operations.get(tx, "op2")) is None
    assert database.read(lambda tx: operations.page(tx, "docs", 5, 0)) == [done]
    assert database.read(lambda tx: operations.page(tx, "other", 5, 0)) == []
    assert database.read(lambda tx: operations.page(tx, None, 5, 1)) == []


async def test_what_a_dead_process_left_is_interrupted(database):
    await database.write(lambda tx: operations.begin(tx, ONE))
    await database.write(lambda tx: operations.claim(tx, "k", "key", b"f", at="2", forget_before="0"))
    await database.write(lambda tx: operations.interrupt(tx, at="2026-01-03"))
    assert database.read(lambda tx: operations.get(tx, "op1")).state == "interrupted"
    assert (
        await database.write(lambda tx: operations.claim(tx, "k", "key", b"f", at="2", forget_before="0"))
        is None
    )


async def test_an_answer_is_kept_for_a_while(database):
    def claim(at, forget):
        return database.write(lambda tx: operations.claim(tx, "k", "key", b"f", at=at, forget_before=forget))

    assert await claim("2", "0") is None
    assert await claim("2", "0") == StoredAnswer(b"f", None, "{}", b"")
    await database.write(lambda tx: operations.settle(tx, "k", "key", 200, '{"a":"b"}', b"{}"))
    assert await claim("3", "0") == StoredAnswer(b"f", 200, '{"a":"b"}', b"{}")
    assert await claim("9", "5") is None
    await database.write(lambda tx: operations.release(tx, "k", "key"))
    assert await claim("9", "5") is None
