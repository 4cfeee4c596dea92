"""Figures of many cells (pairs of stores, say), each measured on its own, in any order and in as many sittings as it takes.

A run leaves every cell as a file in a folder that git ignores; `gathered` puts them into one document, in which a cell that
nobody measured again stays as it was. Each says which commit of the program it is of, because they need not be of the same.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_NAMES = {
    "pgvector": "pgvector",
    "sqlite": "SQLite",
    "memory": "memory",
    "pinecone-hybrid": "Pinecone, one in eight hybrid",
}
GO_ON = bool(os.environ.get("VECTORMIGRATE_GO_ON"))
"""What an earlier sitting has left is not measured again."""


@cache
def engine() -> str:
    """The last commit of the program when it was first asked for; with a plus if what runs is not what was committed."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", "vectormigrate")
    return _git("log", "-1", "--format=%h", "--", "vectormigrate") + "+" * bool(changed)


def _git(*words: str) -> str:
    here = Path(__file__).parents[2]
    return subprocess.run(
        ("git", *words), capture_output=True, text=True, check=True, cwd=here
    ).stdout.strip()


ALREADY = "VECTORMIGRATE_GO_ON is set, and an earlier run has measured this pair already"
"""Why a cell is skipped that is `left`."""


def left(folder: Path, one: str, other: str) -> bool:
    """Whether an earlier sitting has measured a cell and this one is to go on behind it (`VECTORMIGRATE_GO_ON=1`)."""
    engine()  # while it is what was imported
    return GO_ON and _file(folder, one, other).exists()


def note(folder: Path, one: str, other: str, figures: Mapping[str, Any]) -> None:
    """Leave what was measured of a cell."""
    folder.mkdir(parents=True, exist_ok=True)
    _write(_file(folder, one, other), {"engine": engine(), **figures})


def gathered(folder: Path, document: Path) -> dict[str, Any]:
    """Write the cells in `folder` over those of the document, and return all of it."""
    found = json.loads(document.read_text()) if document.exists() else {}
    found |= {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    merged = {name: found[name] for name in sorted(found)}
    _write(document, merged)
    return merged


def title(kind: str) -> str:
    """What a table calls a store."""
    return _NAMES.get(kind, kind.capitalize())


def _file(folder: Path, one: str, other: str) -> Path:
    return folder / f"{one}-{other}.json"


def _write(path: Path, values: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n")
