"""The suite as one class: a store's test module derives from it and overrides `target`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .lifecycle import Lifecycle
from .reading import Reading
from .searching import Searching
from .subject import Subject
from .values import Values
from .vectors import Vectors
from .writing import Writing

__all__ = ["ConformanceSuite", "Subject"]


class ConformanceSuite(Lifecycle, Reading, Writing, Values, Vectors, Searching):
    """Everything that the port promises. `target` says which store; `subject` is it, open."""

    @pytest.fixture
    def target(self) -> Subject:
        """The store under test; not yet open."""
        raise NotImplementedError

    @pytest.fixture
    async def subject(self, target: Subject) -> AsyncIterator[Subject]:
        async with target.running() as running:
            yield running
