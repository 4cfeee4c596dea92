"""Everything here runs in virtual time."""

import pytest

from tests.fakes.lanes import make_bench
from tests.fakes.virtual import virtual_loop


def pytest_asyncio_loop_factories(config, item):
    return {"virtual": virtual_loop}


@pytest.fixture
async def bench():
    made = await make_bench()
    yield made
    made.state.close()


@pytest.fixture
async def bench_of():
    """Makes a bench of other terms or guards."""
    made = []

    async def make(**changes):
        made.append(await make_bench(**changes))
        return made[-1]

    yield make
    for one in made:
        one.state.close()
