"""The page `docs/matrix.md` out of the outcomes of all pairs: what becomes of each kind, by target.

What a target makes of a value is mostly the same whatever store it comes from, so a row is a kind, a column a target, and a
cell says only once what all sources have in common; where some differ, it names them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from .kinds import TABLES
from .oracle import Fate, Verdict

Matrix = Mapping[str, Mapping[str, Mapping[str, Verdict]]]
"""By source, by target, by "group: kind"."""

_HEAD = """\
# Every kind of value, between every two stores

What {pairs} migrations, one for every ordered pair of stores, made of {kinds} kinds of value. Each value was put into the
source by the vendor's own client, moved, read in the target by the target's own client, and moved back into the first kind
of store, where it had to be again what it was. The judge knows nothing of how values are translated.

- **exact**: the target's client gives the same value, of the same type.
- *converted*: it gives another form, out of which the value is had by the rule of the note; and the way back gave it.
- refused: the plan, with no loss accepted, refuses it, or names its record as one that would not arrive; and nothing of it
  was written.
- none: no source holds such a value natively, so there is nothing to move. What the sources hold is the second column:
  {initials}.

There was no other outcome. A cell that all sources have in common is said once; where they differ, the sources are named.
Namespaces and tenants were asked to stay such (`keys`, see [Pinecone](stores.md#pinecone) and [Weaviate](weaviate.md)).

{stores}

`make integration ARGS=integration/test_matrix.py` makes this page anew. What the rules say of more kinds, and of the
newest Milvus, is in [a table of its own](fidelity.md).
"""
STORES = """\
PostgreSQL with pgvector, SQLite and Milvus Lite were the real ones, Qdrant its engine behind a server of ours, Pinecone a
strict double of its service, Weaviate our own server over the reference store; *memory* is the reference store itself. All
pairs with Weaviate were run with a real server of it, too: there was no difference."""
_INITIALS = {
    "pinecone": "P",
    "qdrant": "Q",
    "weaviate": "W",
    "milvus": "M",
    "pgvector": "G",
    "sqlite": "S",
    "memory": "R",
}
_SHOWN = {Fate.EXACT: "**exact**", Fate.CONVERTED: "*converted*", Fate.REFUSED: "refused"}


def render(matrix: Matrix) -> str:
    """The whole page."""
    kinds = sum(len(table.rows) for table in TABLES)
    initials = ", ".join(f"{letter} {kind}" for kind, letter in _INITIALS.items())
    lines = [
        _HEAD.format(pairs=sum(map(len, matrix.values())), kinds=kinds, initials=initials, stores=STORES),
        *_counts(matrix),
    ]
    for group in dict.fromkeys(table.group for table in TABLES):
        lines += _group(matrix, group)
    return "\n".join(lines).rstrip() + "\n"


def _counts(matrix: Matrix) -> list[str]:
    """How many of each outcome, by pair."""
    lines = ["## In numbers", "", "Exact, converted, refused, by source (down) and target (across).", ""]
    lines += [f"| | {' | '.join(matrix)} |", "|---" * (len(matrix) + 1) + "|"]
    for source, row in matrix.items():
        cells = []
        for outcomes in row.values():
            fates = [verdict.fate for verdict in outcomes.values()]
            cells.append(" · ".join(str(fates.count(fate)) for fate in _SHOWN))
        lines.append(f"| {source} | {' | '.join(cells)} |")
    return [*lines, ""]


def _group(matrix: Matrix, group: str) -> list[str]:
    notes: dict[str, int] = {}
    targets = list(next(iter(matrix.values())))
    lines = [f"## {group}", "", f"| | of | {' | '.join(targets)} |", "|---" * (len(targets) + 2) + "|"]
    for kind in (kind for table in TABLES if table.group == group for kind in table.rows):
        name = f"{group}: {kind}"
        cells = [
            _cell({source: row[target][name] for source, row in matrix.items()}, notes) for target in targets
        ]
        held = [
            _INITIALS[source]
            for source, row in matrix.items()
            if any(outcomes[name].fate is not Fate.NOT_HELD for outcomes in row.values())
        ]
        lines.append(f"| {kind} | {''.join(held)} | {' | '.join(cells)} |")
    lines.append("")
    lines += [f"{number}. {reason}" for reason, number in notes.items()]
    return [*lines, ""] if notes else lines


def _cell(verdicts: Mapping[str, Verdict], notes: dict[str, int]) -> str:
    """What became of a kind in one target, whatever source it came from."""
    by_fate: dict[Fate, list[str]] = {}
    reasons: dict[Fate, list[str]] = {}
    for source, verdict in verdicts.items():
        if verdict.fate is not Fate.NOT_HELD:
            by_fate.setdefault(verdict.fate, []).append(_INITIALS[source])
            reasons.setdefault(verdict.fate, []).append(_short(verdict.how))
    parts = []
    for fate in sorted(by_fate, key=lambda one: list(Fate).index(one)):
        numbers = _numbers(reasons[fate], notes)
        whose = "" if len(by_fate) == 1 else f" {''.join(by_fate[fate])}"
        parts.append(f"{_SHOWN[fate]}{numbers}{whose}")
    return ", ".join(parts) or "none"


def _numbers(reasons: Sequence[str], notes: dict[str, int]) -> str:
    found = sorted({notes.setdefault(reason, len(notes) + 1) for reason in reasons if reason})
    return f" {' '.join(map(str, found))}" if found else ""


_OWN = (
    (r"^.* (?:is|would be) refused: ", ""),
    (r"^(?:id|field|record|sparse_values)[^:]*: ", ""),
    (r"^id [is]:.*: ", ""),
    (r"(sparse )?vector '[^']*' ", r"the \1vector "),
    (r"takes \d+ bytes, and pinecone holds (\d+)", r"takes more than the \1 bytes that pinecone holds"),
    (r"(no partition can be called).*", r"\1 so"),
    (r"its \d+ bytes do not fit (\d+)", r"it takes more than \1 bytes"),
)
"""What of a reason is the matrix' own: names of its records and vectors, and their sizes."""


def _short(reason: str) -> str:
    for own, instead in _OWN:
        reason = re.sub(own, instead, reason, flags=re.DOTALL)
    return reason
