"""An application with Weaviate's official client notices no cutover. `integration/test_sdk.py` tells it of more databases."""

from vectormigrate.model.specification import StoreRef

from . import weaviate
from .stage import weaviate_story


async def test_the_ordinary_life_with_weaviate(tmp_path):
    target = StoreRef("sqlite", str(tmp_path / "target.db"), "shelf")
    life = weaviate.Life(weaviate.TENANT, brief=True)
    tally = await weaviate_story(tmp_path, life, target)
    assert tally.wrong == []
    assert tally.refused.keys() == {call.name for call in life.beyond()}
    assert tally.equal + len(tally.refused) == tally.calls
