"""Our store over a Weaviate: the one that our facade makes, and a real one where there is one."""

import pytest

from tests.conformance.subject import Subject
from tests.fakes.weaviate import judge_weaviate, weaviate_server
from vectormigrate.stores.weaviate import open_store

__all__ = ["judge_weaviate", "weaviate_server"]


@pytest.fixture(params=["weaviate_server", "judge_weaviate"], ids=["facade", "real"])
def endpoint(request):
    """The address of either."""
    return request.getfixturevalue(request.param)


@pytest.fixture
async def subject(endpoint):
    async with Subject(lambda: open_store(endpoint)).running() as running:
        yield running
