"""Pages that nothing shifts, by REST as whoever follows the links."""

import json

import pytest

from tests.fakes.api import KEY, site
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.state import dead_letters, findings, operations
from vectormigrate.state.dead_letters import DeadLetter
from vectormigrate.state.operations import StoredOperation

NAMES = ["docs-a", "docs-b", "docs-c"]
AT = "2026-03-01T12:00:00+00:00"


@pytest.fixture
async def here(tmp_path):
    async with site(tmp_path) as found:
        for name in NAMES:
            spec = Specification(name, StoreRef("memory", "", name), StoreRef("memory", "", f"{name}-new"))
            await found.control.create(spec)
        yield found


async def walked(here, path, name, key):
    """What all rows are called, two a page, as the links lead."""
    seen, path = [], f"{path}?limit=2&offset=0"
    while path:
        answer = await here.raw("GET", path, b"", b"Authorization: Bearer " + KEY.encode())
        page = json.loads(answer.body)
        assert answer.status == 200, page
        seen += [row[key] for row in page[name]]
        link = (answer.header(b"link") or b"").decode()
        assert bool(link) is bool(page["next_cursor"])
        path = link.partition(">")[0].removeprefix("<")
    return seen


async def test_migrations_and_operations_come_once_each(here):
    assert sorted(await walked(here, "/v1/migrations", "migrations", "migration_id")) == NAMES
    for number, name in enumerate(NAMES):
        row = StoredOperation(f"o{number}", "validate", name, "me", "running", AT)
        await here.control.database.write(lambda tx, row=row: operations.begin(tx, row))
    assert await walked(here, "/v1/operations", "operations", "migration_id") == NAMES


async def test_what_differs_and_what_was_refused(here):
    ids = [f"i:{number}" for number in range(5)]
    found = [Finding(kind, one) for kind in (FindingKind.MISSING, FindingKind.EXTRA) for one in ids]
    letters = [DeadLetter(one, "record_refused", "no") for one in ids]
    database = here.control.database
    await database.write(lambda tx: findings.add(tx, "docs-a", found, at=AT))
    await database.write(lambda tx: dead_letters.add(tx, "docs-a", letters, at=AT))
    assert await walked(here, "/v1/migrations/docs-a/findings", "findings", "id") == ids * 2
    assert await walked(here, "/v1/migrations/docs-a/dead-letters", "dead_letters", "id") == ids


async def test_the_audit_can_be_read_though_reading_it_is_in_it(here):
    rows = len(await here.audit())
    numbers = await walked(here, "/v1/audit", "rows", "number")
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == len(numbers) >= rows


async def test_a_cursor_of_another_list_is_refused(here):
    for path in ("migrations", "operations", "audit", "migrations/docs-a/findings"):
        odd = "WyJhIl0" if path == "audit" else "WzFd"
        status, problem = await here.ask("GET", f"/v1/{path}?cursor={odd}")
        assert (status, "no cursor of this list" in problem["detail"]) == (400, True)
