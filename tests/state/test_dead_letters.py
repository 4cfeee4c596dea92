from vectormigrate.state import dead_letters, views
from vectormigrate.state.dead_letters import DeadLetter


async def test_a_later_refusal_replaces_the_earlier_and_an_arrival_removes_it(tx):
    await tx(
        dead_letters.add,
        [DeadLetter("i:1", "refused", "too large"), DeadLetter("i:2", "refused", "NaN")],
        at="1",
    )
    await tx(dead_letters.add, [DeadLetter("i:1", "refused", "NUL", "strip it")], at="2")
    assert await tx(dead_letters.among, ["i:1", "i:3"]) == {"i:1"}
    await tx(dead_letters.remove, ["i:2", "i:3"])
    assert await tx(views.dead_letters, 10, 0) == [
        {"id": "i:1", "code": "refused", "message": "NUL", "hint": "strip it", "at": "2"}
    ]
