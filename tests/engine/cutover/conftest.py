"""Everything here runs in virtual time."""

from tests.fakes.virtual import virtual_loop


def pytest_asyncio_loop_factories(config, item):
    return {"virtual": virtual_loop}
