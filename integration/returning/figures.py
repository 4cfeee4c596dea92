"""What became of each pair, as files of a run, and one document and a table made of them.

`python -m integration.returning.figures` reads what runs left, writes the document beside the other figures and prints the table.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from integration.matrix.places import KINDS

from .journey import Told

_BENCH = Path(__file__).parents[1] / "bench"
_LEFT = _BENCH / "out"
_DOCUMENT = _BENCH / "figures" / "there-and-back.json"
_NAMES = {"pgvector": "pgvector", "sqlite": "SQLite", "memory": "memory"}


def note(home: str, away: str, told: Sequence[Told]) -> None:
    """Leave the figures of one pair."""
    _LEFT.mkdir(exist_ok=True)
    found = [asdict(one) | {"identical": one.identical} for one in told]
    _file(home, away).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")


def _file(home: str, away: str) -> Path:
    return _LEFT / f"there-and-back-{home}-{away}.json"


def main() -> None:
    """Put together what is there."""
    pairs = [(home, away) for home in KINDS for away in KINDS if _file(home, away).exists()]
    document = {f"{home} {away}": json.loads(_file(home, away).read_text()) for home, away in pairs}
    _DOCUMENT.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print("| home \\ away | " + " | ".join(_name(away) for away in KINDS) + " |")
    print("|---" * (1 + len(KINDS)) + "|")
    for home in KINDS:
        cells = [_cell(document.get(f"{home} {away}", [])) for away in KINDS]
        print(f"| {_name(home)} | " + " | ".join(cells) + " |")


def _name(kind: str) -> str:
    return _NAMES.get(kind, kind.capitalize())


def _cell(found: list[dict[str, Any]]) -> str:
    """Records that came back the same to the bit, of those that went; what stayed at home."""
    if not found:
        return "not run"
    went = sum(one["records"] for one in found)
    other = sum(one["different"] + one["missing"] + one["refused"] for one in found)
    same = f"{went:,}" if not other else f"{went - other:,} of {went:,}"
    left = sorted({name for one in found for name in one["left_at_home"]})
    return same + (f", without {', '.join(left)}" if left else "")


if __name__ == "__main__":
    main()
