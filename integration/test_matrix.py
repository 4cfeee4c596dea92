"""The value matrix: 49 ordered pairs of stores, every kind of value, each exact, converted and back again, or refused in
the plan; read by the vendors' own clients. When all pairs have run, they write `docs/matrix.md`.

One pair alone: `pytest integration/test_matrix.py -k 'qdrant-pgvector'`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio

from integration.matrix.figures import FIGURES, as_matrix, as_plain
from integration.matrix.oracle import Fate, Names, judge
from integration.matrix.page import render
from integration.matrix.pair import Outcomes, Pair
from integration.matrix.places import KINDS, SECRETS, borrowed, sides
from integration.matrix.side import Held, Side
from vectormigrate.daemon.control import Control
from vectormigrate.model.record import Record

PAGE = Path(__file__).parents[1] / "docs" / "matrix.md"
ONES = [1, 1]
PAIRS = [(source, target) for source in KINDS for target in KINDS]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stores() -> AsyncIterator[dict[str, Side]]:
    """A store of every kind."""
    async with sides() as found:
        yield found


@pytest.fixture(scope="module")
def outcomes() -> Iterator[dict[tuple[str, str], Outcomes]]:
    """What became of every kind, by pair; a page once it is about all of them, in the stores that it speaks of."""
    found: dict[tuple[str, str], Outcomes] = {}
    yield found
    if found.keys() == set(PAIRS) and not borrowed():
        matrix = {source: {target: found[source, target] for target in KINDS} for source in KINDS}
        FIGURES.write_text(json.dumps(as_plain(matrix), indent=1, ensure_ascii=False) + "\n")
        PAGE.write_text(render(as_matrix(json.loads(FIGURES.read_text()))))


def _held(payload: dict[str, Any], vector: Any = ONES, **more: Any) -> Held:
    return Held(more.pop("id", "a"), payload, {"v": np.asarray(vector, more.pop("dtype", np.float32))})


@pytest.mark.parametrize(
    ("target", "fate"),
    [
        (_held({"n": 7}), Fate.EXACT),
        (_held({"n": 7.0}), Fate.WRONG),
        (_held({"n": True}), Fate.WRONG),
        (_held({"n": 7.0, "_vm_ints": ["n"]}), Fate.CONVERTED),
        (_held({"n": 7.0, "_vm_meta": '{"n": 7}'}), Fate.CONVERTED),
        (_held({"_vm_meta": '{"n": 8}'}), Fate.WRONG),
        (_held({"n": 7, "stray": 1}), Fate.WRONG),
        (_held({}), Fate.WRONG),
        (_held({"n": 7}, id="b"), Fate.WRONG),
        (_held({"n": 7, "_vm_id": "s:a"}, id=5), Fate.EXACT),
        (_held({"n": 7, "_vm_id": "s:b"}, id=5), Fate.WRONG),
        (_held({"n": 7}, [1, 0.999]), Fate.WRONG),
        (_held({"n": 7}, dtype=np.float64), Fate.EXACT),
    ],
)
def test_the_judge_sees_what_is_wrong(target: Held, fate: Fate) -> None:
    record = Record("a", payload={"n": 7})
    assert judge("Declared fields", record, _held({"n": 7}), target, Names({}, {})).fate is fate


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("source", "target"), PAIRS, ids=[f"{one}-{other}" for one, other in PAIRS])
async def test_pair(
    tmp_path: Path,
    stores: dict[str, Side],
    outcomes: dict[tuple[str, str], Outcomes],
    source: str,
    target: str,
) -> None:
    async with Control.open(tmp_path / "state.db", secrets=SECRETS) as control:
        told = await Pair(control, SECRETS, stores[source], stores[target]).outcomes()
    wrong = {kind: verdict.how for kind, verdict in told.items() if verdict.fate is Fate.WRONG}
    assert wrong == {}, f"{source} to {target}"
    outcomes[source, target] = told
