"""What came of each pair, in one document, and a table made of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from integration.harness import cells

LEFT = Path(__file__).parent / "out"
_DOCUMENT = Path(__file__).parents[1] / "bench" / "figures" / "queries-after-a-cutover.json"
_HEAD = (
    "| API | answered by | target | queries | operators | equal | other reads, equal | refused, as planned "
    "| worst score difference | version |\n"
    "|---|---|---|---|---|---|---|---|---|---|"
)


def table() -> str:
    """Take what runs left into the document beside the other figures; one row for each pair of it."""
    return "\n".join([_HEAD, *(_row(name, told) for name, told in cells.gathered(LEFT, _DOCUMENT).items())])


def _row(name: str, told: dict[str, Any]) -> str:
    api, _, target = name.rpartition("-")
    reads = told["reads"]
    shown = (
        cells.title(api),
        told["judge"],
        cells.title(target),
        f"{told['queries']:,}",
        len(told["operators"]),
        f"{told['equal']:,}",
        f"{reads.get('equal', 0)} of {sum(reads.values())}",
        len(told["refused"]),
        f"{told['worst score difference']:.0e}",
        told["engine"],
    )
    return f"| {' | '.join(map(str, shown))} |"
