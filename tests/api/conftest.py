"""A daemon with its API."""

import pytest

from tests.fakes.api import site


@pytest.fixture
async def here(tmp_path):
    async with site(tmp_path) as found:
        yield found
