from dataclasses import replace

import msgspec

from tests.engine.validate.pairs import TARGET, make_pair
from vectormigrate.engine.validate.fullscan import RangeResult, plan_spans
from vectormigrate.engine.validate.task import CompareTask, ask_foreign, differing
from vectormigrate.engine.work import Assignment, Compared, ForeignAmong
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.record import id_text


class Listener:
    """Answers and remembers."""

    def __init__(self, foreign=()):
        self.asked = []
        self._foreign = foreign

    async def ask(self, request):
        self.asked.append(request)
        if isinstance(request, ForeignAmong):
            return tuple(one for one in request.ids if one in self._foreign)
        return True


async def test_a_span_is_compared_and_everything_seen_is_sent_home():
    pair = await make_pair(count=60)
    gone, changed = (await pair.source.fetch("docs", [-40, -37])).ids
    await pair.target.delete(TARGET, [gone])
    await pair.change(changed, payload={"title": "other"})
    (span,) = await plan_spans(pair.sides, 1)
    home = Listener()
    await CompareTask(home, pair.sides).compare(
        Assignment("compare", 7, None, None, span=msgspec.to_builtins(span))
    )
    parts = [request for request in home.asked if isinstance(request, Compared)]
    assert {part.number for part in parts} == {7}
    found = [msgspec.convert(one, Finding) for part in parts for one in part.findings]
    assert {(one.kind, one.id) for one in found} >= {(FindingKind.MISSING, id_text(gone))}
    assert id_text(changed) in {one.id for one in found}
    assert parts[-1].records >= 59
    result = RangeResult.from_dict(parts[-1].result)
    assert result.tally.missing == 1
    assert [part.result for part in parts[:-1]] == [None] * (len(parts) - 1)


async def test_whether_a_record_is_foreign_is_asked_by_text_and_answered_by_id():
    home = Listener(foreign=("i:1", "s:1"))
    check = ask_foreign(home, untouched=True)
    assert await check([1, "1", 2]) == {1, "1"}
    assert home.asked == [ForeignAmong(("i:1", "s:1", "i:2"), untouched=True)]


async def test_what_reads_back_otherwise_is_named_by_source_id():
    pair = await make_pair(count=10)
    written = await pair.target.fetch(TARGET, [-40, -37, -34])
    assert differing(pair.sides, written, written) == ()
    record = await pair.target_record(-37)
    await pair.put(replace(record, dense={"v": record.dense["v"] * -1}, payload={"title": "other"}))
    await pair.target.delete(TARGET, [-34])
    read_back = await pair.target.fetch(TARGET, written.ids)
    assert sorted(differing(pair.sides, written, read_back)) == ["i:-34", "i:-37"]  # each once
