"""Weaviate against the suite: our facade over the memory store, and a real server where there is one."""

from __future__ import annotations

import pytest

from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.stores.weaviate import open_store


class TestFacade(ConformanceSuite):
    @pytest.fixture
    def target(self, weaviate_server):
        return Subject(lambda: open_store(weaviate_server))


class TestReal(ConformanceSuite):
    """Skipped without VECTORMIGRATE_TEST_WEAVIATE_URL."""

    @pytest.fixture
    def target(self, judge_weaviate):
        return Subject(lambda: open_store(judge_weaviate))
