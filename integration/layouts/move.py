"""Lays the fixtures of one framework out anew, for every store that `read.py` can read from; prints JSON.

Run as a module of this project: `python -m integration.layouts.move langchain`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from vectormigrate.model import jsonvalue
from vectormigrate.model.layout import LayoutPlan, Relayout

FIXTURES = Path(__file__).parents[2] / "tests" / "fixtures" / "layouts"
TARGETS = ("qdrant", "pinecone")


def main() -> None:
    """Every pair of different stores."""
    framework = sys.argv[1]
    moved: list[dict[str, Any]] = []
    for path in sorted(FIXTURES.glob(f"{framework}-*.json")):
        source = path.stem.removeprefix(f"{framework}-").replace("pgvector-v2", "pgvector")
        held = json.loads(path.read_text(encoding="utf-8"))
        for target in TARGETS:
            if target == source:
                continue
            relayout = Relayout(LayoutPlan(f"{framework}:{source}", f"{framework}:{target}"))
            records = [
                {
                    "id": str(one["id"]),
                    "native": _is_uuid(one["id"]),
                    "payload": relayout.forward(one["payload"], one["id"]),
                }
                for one in held["records"]
            ]
            moved.append(
                {"source": source, "target": target, "documents": held["documents"], "records": records}
            )
    print(jsonvalue.dumps(moved).decode())


def _is_uuid(record_id: Any) -> bool:
    try:
        return bool(UUID(str(record_id)))
    except ValueError:
        return False


if __name__ == "__main__":
    main()
