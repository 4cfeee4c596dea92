"""What a source said itself, kept for the next sitting: it is the same for every target, and Milvus Lite takes minutes to say it.

Only under `VECTORMIGRATE_GO_ON=1`, and only for the same questions about the same records: what makes them names the file.
"""

from __future__ import annotations

import pickle
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

from integration.harness.cells import GO_ON
from tests.life.answers import Answers

from .figures import LEFT

_HERE = Path(__file__).parent


async def said(
    source: str, judge: str, total: int, ask: Callable[[], Awaitable[tuple[Answers, Answers]]]
) -> tuple[Answers, Answers]:
    """Answers to searches and to other reads, asked now or by an earlier sitting."""
    file = LEFT / "asked" / f"{source}, {judge}, {total}, {_made_of(source)}.pickle"
    if GO_ON and file.exists():
        kept: tuple[Answers, Answers] = pickle.loads(file.read_bytes())
        return kept
    answers = await ask()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pickle.dumps(answers))
    return answers


def _made_of(source: str) -> str:
    vendor = source.partition("-")[0]
    made_of = b"".join((_HERE / f"{name}.py").read_bytes() for name in ("asked", "records", vendor))
    return sha256(made_of).hexdigest()[:12]
