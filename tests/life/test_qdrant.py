"""An application with Qdrant's official client notices no cutover. `integration/test_sdk.py` tells it of more databases."""

import pytest

from tests.fakes.qdrant import qdrant_server
from vectormigrate.model.specification import StoreRef

from . import qdrant
from .stage import qdrant_story

__all__ = ["qdrant_server"]

REFUSED = {"count where match text"}
"""How Qdrant takes a text apart, nobody else knows."""


@pytest.mark.parametrize(
    ("shape", "grpc"), [(qdrant.UNNAMED["euclid"], False), (qdrant.NAMED, True)], ids=["rest", "grpc"]
)
async def test_the_ordinary_life_with_qdrant(tmp_path, qdrant_server, shape, grpc):
    target = StoreRef("sqlite", str(tmp_path / "target.db"), qdrant.COLLECTION)
    life = qdrant.Life(shape, brief=True)
    tally = await qdrant_story(tmp_path, qdrant_server, life, target, grpc=grpc, may_refuse=REFUSED)
    assert tally.wrong == []
    assert tally.refused.keys() == REFUSED | {call.name for call in life.beyond()}
    assert tally.equal + len(tally.refused) == tally.calls
