"""An application with Pinecone's official client notices no cutover. `integration/test_sdk.py` tells it of more databases."""

import pytest

from vectormigrate.model.specification import StoreRef

from . import pinecone
from .stage import pinecone_story


@pytest.mark.parametrize(("way", "namespaces"), [("asyncio", False), ("grpc", True)])
async def test_the_ordinary_life_with_pinecone(tmp_path, monkeypatch, way, namespaces):
    monkeypatch.setenv("PINECONE_GRPC_SCHEME", "http")
    target = StoreRef("sqlite", str(tmp_path / "target.db"), pinecone.INDEX)
    life = pinecone.Life("cosine", namespaces=namespaces, brief=True)
    tally = await pinecone_story(tmp_path, way, life, target)
    assert tally.wrong == []
    assert tally.refused.keys() == {call.name for call in life.beyond()}
    assert tally.equal + len(tally.refused) == tally.calls
