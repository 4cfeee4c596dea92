"""An application with Milvus' official client notices no cutover. `integration/test_sdk.py` tells it of more databases."""

import logging

import pytest

from tests.fakes.milvus import milvus_server, milvus_url
from vectormigrate.model.specification import StoreRef

from . import milvus
from .stage import milvus_story

__all__ = ["milvus_server", "milvus_url"]


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.ERROR)  # pymilvus logs every refusal
    yield
    logging.disable(logging.NOTSET)


async def test_the_ordinary_life_with_milvus(tmp_path, milvus_url):
    target = StoreRef("sqlite", str(tmp_path / "target.db"), milvus.COLLECTION)
    life = milvus.Life("L2", text_keys=True, sparse=True, brief=True)
    tally = await milvus_story(tmp_path, milvus_url, life, target)
    assert tally.wrong == []
    assert tally.refused.keys() == {call.name for call in life.beyond()}
    assert tally.equal + len(tally.refused) == tally.calls
