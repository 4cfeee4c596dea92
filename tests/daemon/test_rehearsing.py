"""Dry runs of the verbs that steer: what they say, what refuses them, and that nothing has changed behind them."""

from dataclasses import replace

import pytest

from tests.fakes.api import site as offline_site
from tests.fakes.api import slow_world, two_stores, until
from tests.fakes.hosted import Site
from vectormigrate.daemon import rehearsing
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import (
    GateRefused,
    IllegalTransition,
    UnknownMigration,
    UsageError,
    VectormigrateError,
)
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Mode

SHELL = Principal("user me", Scope.ADMIN, "socket")


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def everything(site):
    """What a verb about a migration might change."""
    tables = ("migration", "primary_side", "audit", "lever", "waiver", "approval")
    return site.database.read(lambda tx: [list(tx.execute(f"SELECT * FROM {name}")) for name in tables])


async def would(host, verb, **words):
    return (await host.answer(verb, "move", {"dry_run": True, **words}))["would"]


async def test_a_word_is_rehearsed_and_nothing_is_noted(site):
    async with site.daemon() as host:
        await site.world.fill(range(5))
        await host.create(site.world.spec)
        await site.until("passthrough")
        before = everything(site)
        told = await would(host, "attest", by="ada")
        assert told == "passthrough -> backfill: the copy of 5 records would begin; 0 ids are owed"
        assert (
            await would(host, "pause") == "passthrough -> paused: 0 of 5 records are copied; 0 ids are owed"
        )
        with pytest.raises(GateRefused, match="is in phase passthrough, not verified or reversed"):
            await would(host, "reads", share=0.5)
        assert everything(site) == before
        await host.answer("pause", "move", {"dry_run": False})
        assert (
            await would(host, "resume") == "paused -> passthrough: 5 records are left to copy; 0 ids are owed"
        )
        assert await would(host, "pause") == "it is paused already: nothing would change"
        assert site.phase == "paused"
        await host.answer("attest", "move", {"by": "ada"})
        assert await would(host, "attest", by="bob") == "ada has attested it already: nothing would begin"


async def test_what_is_verified_is_asked_about_reads_and_deletes(site):
    async with site.daemon() as host:
        await site.verified(host)
        before = everything(site)
        with pytest.raises(IllegalTransition, match="verified cannot move to paused"):
            await would(host, "pause")
        assert await would(host, "reads", share=0.25) == "the target would answer 25% of the reads, not 0%"
        assert (await would(host, "allow-deletes", by="ada")).startswith("deletes are not stopped; of 0 ids")
        guard = host._hosted["move"].live.scheduler.guard
        while not guard.tripped:
            guard.saw(strange=True)
        told = await would(host, "allow-deletes", by="ada")
        assert told == (
            "deletes are stopped; of 0 ids owed to the target, those that the source lacks would be deleted from the target"
        )
        assert guard.tripped
        assert (await host.answer("status", "move", {}))["reads"] == 0
        assert everything(site) == before


async def test_what_is_over_is_refused_as_the_verb_is(site):
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("rollback", "move", {"dry_run": False})
        for verb, words in (
            ("attest", {"by": "ada"}),
            ("resume", {}),
            ("pause", {}),
            ("allow-deletes", {"by": "a"}),
        ):
            with pytest.raises(VectormigrateError) as real:
                await host.answer(verb, "move", dict(words))
            with pytest.raises(type(real.value)) as rehearsed:
                await would(host, verb, **words)
            assert rehearsed.value.as_dict() == real.value.as_dict()


async def test_an_offline_one_is_rehearsed_while_it_goes_and_when_it_rests(tmp_path):
    async with offline_site(tmp_path) as here, slow_world() as given:
        ask = here.parts.dispatcher.ask
        docs = {"migration_id": "docs"}
        begun = await here.parts.dispatcher.begin(SHELL, "migrate", {**docs, **given})
        await until(here, "progress")
        assert "backfill -> paused" in (await ask(SHELL, "pause", {**docs, "dry_run": True})).would
        with pytest.raises(GateRefused, match="is being worked on"):
            await ask(SHELL, "resume", {**docs, "dry_run": True})
        for name, words, expected in [
            ("throttle", {}, "throttle-hold would be True, not False"),
            ("throttle", {"max_rate": 7}, "max-rate would be 7.0, not "),
            ("set", {"change": "batch-size=500"}, "batch-size would be 500, not "),
            ("unthrottle", {}, "nothing would change"),
        ]:
            told = await ask(SHELL, name, {**docs, **words, "dry_run": True})
            assert told.would.startswith(expected)
            assert told.levers == {}
        await ask(SHELL, "pause", docs)
        await here.finished({"id": begun.id})
        assert "paused -> backfill: " in (await ask(SHELL, "resume", {**docs, "dry_run": True})).would
        assert (await ask(SHELL, "status", docs)).phase == "paused"
        await ask(SHELL, "throttle", docs)
        told = await ask(SHELL, "unthrottle", {**docs, "dry_run": True})
        assert told.would == "throttle-hold would be as it was asked for, not True"


async def test_of_several_parts_it_is_told_how_many(tmp_path):
    async with offline_site(tmp_path) as here:
        done = await here.parts.dispatcher.ask(
            SHELL, "migrate", {"migration_id": "docs", **two_stores(tmp_path)}
        )
    parts = (replace(done, phase=Phase.BACKFILL), done)
    assert rehearsing.paused(replace(done, parts=parts)).would == "1 of 2 parts would be paused"
    with pytest.raises(GateRefused, match="no part of 'docs' is under way"):
        rehearsing.paused(replace(done, parts=(done,)))
    with pytest.raises(GateRefused, match="every part of 'docs' is over"):
        rehearsing.resumed(replace(done, parts=(replace(done, phase=Phase.ABORTED),)))


async def test_a_comparison_says_what_it_would_look_at(tmp_path):
    async with offline_site(tmp_path) as here:
        ask = here.parts.dispatcher.ask
        await ask(SHELL, "migrate", {"migration_id": "docs", **two_stores(tmp_path)})
        docs = {"migration_id": "docs", "dry_run": True}
        done = await ask(SHELL, "validate", docs)
        assert done.would == (
            "100 records, chosen at random, would be looked up on both sides;"
            " clean, that would say that under 3 % differ, at 95 %"
        )
        full = {"full": True, "recall": 50}
        assert (await ask(SHELL, "validate", {**docs, **full})).would == (
            "every record would be compared, on both sides; 50 searches would be made on either side"
        )
        some = await ask(SHELL, "validate", {**docs, "ids": ["1", "2"]})
        assert some.would == "2 records would be looked up on both sides; what is known of others stays"
        assert (await ask(SHELL, "report", {"migration_id": "docs"}))["validation"]["method"] == "sample"
        with pytest.raises(UsageError, match="one of both"):
            await ask(SHELL, "validate", {**docs, "full": True, "ids": ["1"]})
    told = rehearsing.compared(replace(done, findings=7, mode=Mode.PROXIED), {"full": True}).would
    assert "7 findings of the last comparison would make room" in told
    assert told.endswith("what differs would be marked and copied again")
    parts = (done, replace(done, total=None, phase=Phase.CREATED), done)
    told = rehearsing.compared(replace(done, parts=parts), {"sample_size": 3000}).would
    assert told.startswith("3,000 records of each of 2 parts, chosen at random,")
    assert "under 0.1 % differ" in told
    with pytest.raises(UsageError, match="which part"):
        rehearsing.compared(replace(done, parts=parts), {"ids": ["1"]})
    with pytest.raises(GateRefused, match="nothing to compare"):
        rehearsing.compared(replace(done, phase=Phase.ROLLED_BACK), {})


async def test_refused_records_are_not_tried_again_by_a_dry_run(site):
    async with site.daemon() as host:
        await site.verified(host)
        before = everything(site)
        assert await would(host, "retry") == "0 refused records would be tried again"
        assert everything(site) == before


async def test_keys_are_made_and_revoked_by_nobody_in_a_dry_run(tmp_path):
    async with offline_site(tmp_path) as here:

        async def would(action, **words):
            return await here.parts.dispatcher.ask(
                SHELL, "keys", {"action": action, "dry_run": True, **words}
            )

        (held,) = (await here.parts.dispatcher.ask(SHELL, "keys", {"action": "create"})).keys
        told = await would("create", scope="operate", days=90)
        assert (told.would, told.secret) == ("a key of scope operate would be made for 90 days", "")
        assert (await would("revoke", key=held.id)).would == f"{held.id} would open nothing any more"
        told = await would("rotate", key=held.id, overlap=60)
        assert told.would.endswith(f"and {held.id} would go on for 60 s")
        assert (await would("list")).keys == [held]
        for action in ("revoke", "rotate"):
            with pytest.raises(UsageError, match="there is no key"):
                await would(action, key="nobody")
            with pytest.raises(UsageError, match="needs the id"):
                await would(action)


async def test_an_approval_and_a_waiver_are_rehearsed(tmp_path):
    async with offline_site(tmp_path) as here:
        ask = here.parts.dispatcher.ask
        docs = {"migration_id": "docs"}
        with pytest.raises(GateRefused, match="waits for approval"):
            await ask(SHELL, "migrate", {**docs, **two_stores(tmp_path), "approval": ["migrate"]})
        told = await ask(SHELL, "approve", {**docs, "dry_run": True})
        assert told.would == "migrate of docs would be approved, for one go"
        assert [one.state for one in told.approvals] == ["pending"]
        assert [one.state for one in (await ask(SHELL, "approvals", docs)).approvals] == ["pending"]
        assert (
            await ask(SHELL, "approve", {**docs, "step": "commit", "dry_run": True})
        ).would == "nothing waits"
        with pytest.raises(UnknownMigration):
            await ask(SHELL, "approve", {"migration_id": "none", "dry_run": True})
        waive = {**docs, "record": "i:1", "dry_run": True}
        with pytest.raises(UsageError, match="wants a reason"):
            await ask(SHELL, "waive", waive)
        with pytest.raises(GateRefused, match="has not refused a record 'i:1'"):
            await ask(SHELL, "waive", {**waive, "reason": "broken"})
        status = replace(await ask(SHELL, "status", docs), dead_letters=3)
        told = rehearsing.waived(status, "i:1")
        assert told.would == "i:1 would be owed no more; 2 refused records would be left"
