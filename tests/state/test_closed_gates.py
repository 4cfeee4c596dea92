from datetime import datetime

from vectormigrate.state import closed_gates

AT, LATER = (datetime.fromisoformat(f"2026-01-0{day}T00:00:00+00:00") for day in (1, 2))


async def test_since_when_each_is_closed_is_kept_until_it_opens(database, tx):
    await tx(closed_gates.note, closed=["debt", "disk"], opened=[], at=AT)
    await tx(closed_gates.note, closed=["debt", "lag"], opened=["disk", "gap"], at=LATER)
    assert database.read(lambda tx: closed_gates.of(tx, "move")) == {"debt": AT, "lag": LATER}
    assert database.read(lambda tx: closed_gates.of(tx, "other")) == {}
