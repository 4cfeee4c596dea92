"""The page `docs/fidelity.md`: the table of `model.fidelity` for every kind of store, as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.fidelity import Verdict, verdicts
from vectormigrate.model.plan import Fate
from vectormigrate.stores import registry
from vectormigrate.stores.admission import Admission

_HEAD = """\
# What arrives as it left

One row a kind of value, one column a target. **exact**: the same value, of the same type. *converted*: another form, out of
which the value can be had again, unless the note says that something is lost. refused: the plan refuses it, or the
record, before anything is written. Made by `make reference` from the rules that migrations themselves go by: the planner, the
translator and the admission of records; what a server refuses beyond that is in the pages of the [stores](stores.md).
Milvus is the newest server; other versions and Milvus Lite hold fewer kinds of vectors.

What was seen instead of said is [the matrix](matrix.md): every kind moved between every two stores, and read by the vendors'
own clients. Those see under `_vm_meta` some of what is exact here in Pinecone and Weaviate, integers in Pinecone as doubles, and
JSON in Weaviate as its text.
"""
_GROUPS = {
    "id": "Ids",
    "vector": "Vectors",
    "field": "Declared fields",
    "value": "Values of keys that nobody declared",
    "place": "Places",
}
_SHOWN = {Fate.EXACT: "**exact**", Fate.CONVERTED: "*converted*", Fate.REFUSED: "refused"}


async def page() -> str:
    """The whole page. Dials nothing."""
    found: dict[str, Sequence[Verdict]] = {}
    for kind in registry.KINDS:
        found[kind] = judged(await registry.capabilities(kind))
    return render(found)


def judged(target: Capabilities) -> list[Verdict]:
    """What becomes of every kind in one target."""

    def admitted(shape: CollectionShape, batch: Batch) -> str:
        refused = Admission(shape, target).refusals(batch)
        return refused[0].error.message if refused else ""

    return verdicts(target, admitted)


def render(found: Mapping[str, Sequence[Verdict]]) -> str:
    """Tables in Markdown, with the reasons as notes below each."""
    lines = [_HEAD]
    for group, title in _GROUPS.items():
        notes: dict[str, int] = {}
        table = [f"| | {' | '.join(found)} |", "|---" * (len(found) + 1) + "|"]
        rows = [[one for one in each if one.group == group] for each in found.values()]
        table += [
            f"| {cells[0].kind} | {' | '.join(_cell(cell, notes) for cell in cells)} |"
            for cells in zip(*rows, strict=True)
        ]
        lines += [f"## {title}", "", *table, ""]
        lines += [f"{number}. {reason}" for reason, number in notes.items()]
        lines += [""] if notes else []
    return "\n".join(lines)


def _cell(cell: Verdict, notes: dict[str, int]) -> str:
    shown = _SHOWN[cell.fate]
    if not cell.reason:
        return shown
    return f"{shown} {notes.setdefault(_short(cell.reason), len(notes) + 1)}"


def _short(reason: str) -> str:
    """Without the name and the long value that are only the table's."""
    before, colon, after = reason.partition(": ")
    return after if colon and len(before) > 60 else reason
