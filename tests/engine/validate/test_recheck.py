from dataclasses import replace

import numpy as np

from vectormigrate.engine.validate.recheck import GENERATIONS, recheck
from vectormigrate.model.collection import IdKind
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.record import id_text
from vectormigrate.stores.memory import CAPABILITIES

from .pairs import SOURCE, TARGET, make_ids, make_pair, shape


class Pauses:
    """Something happens in each pause between two looks."""

    def __init__(self, *steps):
        self._steps = list(steps)
        self.count = 0

    async def __call__(self):
        self.count += 1
        if self._steps:
            step = self._steps.pop(0)
            if step is not None:
                await step()


def names(findings):
    return sorted((finding.kind, finding.id) for finding in findings)


async def found(pair):
    await pair.scan()
    return list(pair.findings)


async def test_what_stays_is_confirmed_after_two_looks():
    pair = await make_pair()
    await pair.target.delete(TARGET, [-40])
    await pair.put(replace(await pair.target_record(-37), id=-36))
    await pair.change(-34, dense={"v": np.ones(16, np.float32)}, payload={})
    findings = await found(pair)
    pauses = Pauses()
    seen = await recheck(pair.sides, findings, pauses)
    assert names(seen.confirmed) == names(findings)
    assert len(findings) == 4
    assert (seen.healed, seen.unsettled, pauses.count) == ([], [], 2)


async def test_what_heals_before_any_look_is_dropped():
    pair = await make_pair()
    copies = await pair.target.fetch(TARGET, [-40, -37])
    await pair.target.delete(TARGET, [-40, -37, -34])
    await pair.put(replace(copies.record(0), id=-39))
    findings = await found(pair)

    async def heal(row):
        await pair.target.upsert(TARGET, copies.slice(row, row + 1))

    async def heal_more():
        await heal(1)
        await pair.target.delete(TARGET, [-39])

    seen = await recheck(pair.sides, findings, Pauses(lambda: heal(0), heal_more))
    assert names(seen.confirmed) == [(FindingKind.MISSING, "i:-34")]
    assert names(seen.healed) == [
        (FindingKind.EXTRA, "i:-39"),
        (FindingKind.MISSING, "i:-37"),
        (FindingKind.MISSING, "i:-40"),
    ]


async def test_a_record_gone_from_both_sides_has_healed():
    pair = await make_pair()
    await pair.target.delete(TARGET, [-40])
    findings = await found(pair)
    await pair.source.delete(SOURCE, [-40])
    assert names((await recheck(pair.sides, findings, Pauses())).healed) == [(FindingKind.MISSING, "i:-40")]


async def test_another_difference_of_the_same_record_starts_anew():
    pair = await make_pair()
    record = await pair.target_record(-40)
    await pair.target.delete(TARGET, [-40])
    findings = await found(pair)
    late = replace(record, payload={"half": "written"})
    pauses = Pauses(None, lambda: pair.put(late))
    seen = await recheck(pair.sides, findings, pauses)
    assert names(seen.healed) == [(FindingKind.MISSING, "i:-40")]
    assert names(seen.confirmed) == [(FindingKind.PAYLOAD, "i:-40")]
    assert pauses.count == 4


async def test_what_keeps_changing_is_unsettled():
    pair = await make_pair()
    record = await pair.target_record(-40)
    await pair.target.delete(TARGET, [-40])
    findings = await found(pair)

    async def there():
        await pair.put(replace(record, payload={}))

    async def away():
        await pair.target.delete(TARGET, [-40])

    pauses = Pauses(*([there, away] * GENERATIONS))
    seen = await recheck(pair.sides, findings, pauses)
    assert names(seen.confirmed) == []
    assert [finding.id for finding in seen.unsettled] == ["i:-40"]
    assert pauses.count == GENERATIONS


async def test_target_ids_that_are_nobodys_are_looked_for_on_the_target():
    pair = await make_pair(
        shape(IdKind.UUID), capabilities=replace(CAPABILITIES, id_kinds=frozenset({IdKind.TEXT}))
    )
    first = str(make_ids(IdKind.UUID, 1)[0])
    await pair.put(replace(await pair.target_record(first), id="stranger"))
    findings = await found(pair)
    assert names((await recheck(pair.sides, findings, Pauses())).confirmed) == [
        (FindingKind.EXTRA, "s:stranger")
    ]


async def test_more_findings_than_one_request_takes():
    pair = await make_pair(count=500)
    ids = make_ids(IdKind.INT, 500)
    await pair.target.delete(TARGET, ids)
    findings = [Finding(FindingKind.MISSING, id_text(one)) for one in ids]
    assert len((await recheck(pair.sides, findings, Pauses())).confirmed) == 500


async def test_nothing_found_needs_no_pause():
    pair = await make_pair(count=1)
    pauses = Pauses()
    assert (await recheck(pair.sides, [], pauses)).confirmed == []
    assert pauses.count == 0


async def test_of_records_that_are_written_nothing_is_believed():
    pair = await make_pair()
    await pair.target.delete(TARGET, [-40, -37])
    seen = await recheck(pair.sides, await found(pair), Pauses())
    seen.unsettled = [finding for finding in seen.confirmed if finding.id == "i:-37"]
    seen.leave_out(lambda finding: finding.id == "i:-40")
    assert [finding.id for finding in seen.confirmed] == ["i:-37"]
    assert [finding.id for finding in seen.healed] == ["i:-40"]
    seen.leave_out(lambda finding: True)
    assert (seen.confirmed, seen.unsettled) == ([], [])
