"""A collection in the fake, made through the store."""

from __future__ import annotations

import pytest

from tests.conformance.subject import Subject


@pytest.fixture
async def subject(opens):
    """The suite's own way to make collections and records, over the fake."""
    async with Subject(open=opens).running() as running:
        yield running


@pytest.fixture
def service(served):
    """What the server holds and does."""
    return served.service
