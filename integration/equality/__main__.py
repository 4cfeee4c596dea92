"""`python -m integration.equality FILE`: what the last runs wrote, as one document in FILE and as a table for the docs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_OUT = Path(__file__).parent / "out"
_HEAD = (
    "| API | target | queries | operators | equal | other reads, equal | refused, as planned | worst score difference |\n"
    "|---|---|---|---|---|---|---|---|"
)


def row(name: str, told: dict[str, Any]) -> str:
    """One pair as a row of the table."""
    api, _, target = name.rpartition("-")
    reads = told["reads"]
    cells = (
        api,
        target,
        f"{told['queries']:,}",
        len(told["operators"]),
        f"{told['equal']:,}",
        f"{reads.get('equal', 0)} of {sum(reads.values())}",
        len(told["refused"]),
        f"{told['worst score difference']:.0e}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    """Gather and print."""
    found = {path.stem: json.loads(path.read_text()) for path in sorted(_OUT.glob("*.json"))}
    Path(sys.argv[1]).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    print(_HEAD, *(row(name, told) for name, told in found.items()), sep="\n")


if __name__ == "__main__":
    main()
