"""The port of captures, and the tables that must not get one."""

from __future__ import annotations

import pytest

from vectormigrate.model.errors import Unsupported, UsageError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.registry import CAPTURING, KINDS, open_capture


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(CAPTURING)))
def test_a_kind_without_capture_says_what_to_do(kind):
    with pytest.raises(Unsupported) as caught:
        open_capture(Endpoint(kind), "docs")
    assert caught.value.collection == "docs"
    assert "pgvector and sqlite" in caught.value.hint


@pytest.mark.parametrize("kind", CAPTURING)
async def test_a_capture_opens_without_dialling_and_closes_by_itself(kind, tmp_path):
    url = {"sqlite": str(tmp_path / "x.db"), "pgvector": "postgresql://127.0.0.1:1/x"}[kind]
    async with open_capture(Endpoint(kind, url), "docs") as capture:
        assert not list(tmp_path.iterdir())
    await capture.close()


@pytest.mark.parametrize("kind", CAPTURING)
def test_options_are_those_of_the_store(kind):
    with pytest.raises(UsageError, match="has no option 'timout'"):
        open_capture(Endpoint(kind, "x", options={"timout": "3"}), "docs")
