"""What became of each pair, in one document, and a table made of it.

`python -m integration.returning.figures` takes what runs left into the document beside the other figures and prints the table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from integration.harness import cells
from integration.matrix.places import KINDS, borrowed

from .journey import Told

_BENCH = Path(__file__).parents[1] / "bench"
LEFT = _BENCH / "out" / "there-and-back"
_DOCUMENT = _BENCH / "figures" / "there-and-back.json"


def note(home: str, away: str, told: Sequence[Told]) -> None:
    """Leave the figures of one pair."""
    found = [asdict(one) | {"identical": one.identical} for one in told]
    real = sorted({home, away} & borrowed())
    cells.note(LEFT, home, away, {"somebody else's server": real, "collections": found})


def main() -> None:
    """Put together what is there."""
    document = cells.gathered(LEFT, _DOCUMENT)
    print("| home \\ away | " + " | ".join(cells.title(away) for away in KINDS) + " |")
    print("|---" * (1 + len(KINDS)) + "|")
    for home in KINDS:
        row = [_cell(document.get(f"{home}-{away}", {"collections": []})) for away in KINDS]
        print(f"| {cells.title(home)} | " + " | ".join(row) + " |")
    print("\nMeasured on:", ", ".join(sorted({one["engine"] for one in document.values()})))


def _cell(told: dict[str, Any]) -> str:
    """Records that came back the same to the bit, of those that went; how far off the vectors of others are; what stayed at home."""
    found = told["collections"]
    if not found:
        return "not run"
    went = sum(one["records"] for one in found)
    other = sum(one["different"] + one["missing"] + one["refused"] for one in found)
    same = f"{went:,}" if not other else f"{went - other:,} of {went:,}"
    off = max(one.get("ulps", 0.0) for one in found)
    same += f", others at most {off:.2g} ulp off" if off else ""
    left = sorted({name for one in found for name in one["left_at_home"]})
    return same + (f", without {', '.join(left)}" if left else "")


if __name__ == "__main__":
    main()
