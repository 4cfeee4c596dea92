import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.daemon.answers import Answered, Answers
from vectormigrate.model.errors import RequestRefused
from vectormigrate.state.database import Database


async def test_an_answer_is_given_again_for_a_day(tmp_path):
    database = Database.open(tmp_path / "state.db")
    clock = FakeClock()
    answers = Answers(database, clock)
    answer = Answered(202, {"location": "/x"}, b"{}")
    assert await answers.claim("key ab", "one", b"f") is None
    with pytest.raises(RequestRefused, match="under way"):
        await answers.claim("key ab", "one", b"f")
    await answers.settle("key ab", "one", answer)
    assert await answers.claim("key ab", "one", b"f") == answer
    with pytest.raises(RequestRefused, match="another request"):
        await answers.claim("key ab", "one", b"g")
    assert await answers.claim("key cd", "one", b"g") is None
    await answers.release("key cd", "one")
    assert await answers.claim("key cd", "one", b"h") is None
    clock.advance(86_401)
    assert await answers.claim("key ab", "one", b"g") is None
    database.close()
