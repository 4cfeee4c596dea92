from dataclasses import replace

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.world import SOURCE, records
from vectormigrate.engine.hidden import check
from vectormigrate.engine.preflight import document, examine
from vectormigrate.model.collection import FieldType
from vectormigrate.model.edits import Edit, Redaction
from vectormigrate.model.errors import MappingRefused
from vectormigrate.model.plan import MappingOptions

NESTED = {"page_content": "t", "metadata": {"email": "bob@example.org"}}
NODE = {
    "email": "bob@example.org",
    "_node_content": '{"text": "t", "metadata": {"email": "bob@example.org"}}',
}


def hiding(*names, **others):
    edits = tuple(Edit(name, redact=Redaction.CONSTANT, constant="***") for name in names)
    return MappingOptions(edits=edits, **others)


@pytest.mark.parametrize(
    ("payload", "name", "where"),
    [
        (NESTED, "email", "metadata.email"),
        (NESTED, "metadata.email", "metadata.email"),
        (NODE, "email", "_node_content.metadata.email"),
        ({"list": [{"deep": {"email": 1}}]}, "email", "list.deep.email"),
        ({"twice": '{"json": "{\\"email\\": 1}"}'}, "email", "twice.json.email"),
        ({"text": '[{"\\u00e9": 1}]'}, "é", "text.é"),
    ],
)
def test_what_would_stay_readable_is_refused_and_told(payload, name, where):
    with pytest.raises(MappingRefused, match="would stay readable inside") as refused:
        check(hiding(name), [{}, payload])
    assert f"({where})" in refused.value.message
    check(hiding(name, accept=(f"inside:{name}",)), [payload])
    check(hiding(name, next(key for key in payload if key != "email" and key != "page_content")), [payload])


@pytest.mark.parametrize(
    "payload",
    [
        {"email": "bob@example.org", "metadata": {"other": 1}, "note": "ask for an email"},
        {"email": {"email": "all of it is hidden"}},
        {"metadata": {"email": None}},
        {"text": '{"email": is no JSON'},
    ],
)
def test_what_is_hidden_whole_hinders_nothing(payload):
    check(hiding("email"), [payload])


def test_a_key_that_is_left_behind_hides_nothing():
    check(hiding("email", drop=("metadata",)), [NESTED])


def test_a_name_that_is_left_behind_and_stays_elsewhere_is_noted_once():
    told = "field 'email' is left behind, and stays as it is inside '_node_content' (_node_content.metadata.email)"
    assert check(MappingOptions(drop=("email",)), [NODE, NODE]) == [told]
    assert check(MappingOptions(drop=("email",), accept=("inside:email",)), [NODE]) == []
    assert check(MappingOptions(drop=("other",)), [NODE]) == []


def test_what_is_edited_otherwise_and_stands_elsewhere_is_noted():
    def told(**options):
        return check(MappingOptions(**options), [NODE])

    stays = "and stays as it is inside '_node_content' (_node_content.metadata.email)"
    assert told(rename={"email": "mail"}) == [f"field 'email' is renamed to 'mail', {stays}"]
    assert told(edits=(Edit("email", cast=FieldType.JSON),)) == [f"field 'email' is cast to json, {stays}"]
    assert told(edits=(Edit("email", default="none"),)) == [
        f"field 'email' is 'none' where there is none, {stays}"
    ]
    assert told(rename={"other": "mail"}) == []


async def test_what_is_noted_stands_in_the_plan(world):
    await world.fill(range(1))
    await world.store().upsert(SOURCE, replace(records(range(1)), payload=[NODE]))
    world.set(mapping=MappingOptions(drop=("email",)))
    store = world.store()
    found = await examine(world.spec, store, world.store("target"), FakeClock().monotonic)
    assert any(
        "stays as it is inside" in note
        for note in (await document(world.spec, found, store, workers=1)).notes
    )


async def test_a_migration_is_refused_before_anything_is_written(world):
    await world.fill(range(3))
    batch = replace(records(range(3)), payload=[{}, {}, NESTED])
    await world.store().upsert(SOURCE, batch)
    world.set(mapping=hiding("email"))
    with pytest.raises(MappingRefused, match="'email' is to be hidden"):
        await world.run()
    assert world.held("target") is None
    world.set(id="again", mapping=hiding("email", accept=("inside:email",)))
    await world.run()
    assert len(world.held("target")) == 3
    store = world.store()
    found = await examine(world.spec, store, world.store("target"), FakeClock().monotonic)
    assert (await document(world.spec, found, store, workers=1)).notes == ()
