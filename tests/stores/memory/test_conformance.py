"""The memory store against the suite, as it is and with abilities taken away."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.model.collection import Element, FieldType, IdKind, KeyOrder, Metric
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import CAPABILITIES, Database, MemoryStore


class TestMemory(ConformanceSuite):
    @pytest.fixture
    def target(self):
        database = Database()
        return Subject(open=lambda: MemoryStore(Endpoint("memory"), database))


class TestRestricted(ConformanceSuite):
    """The suite must hold, and skip, for a store that can do very little."""

    @pytest.fixture
    def target(self):
        database = Database(
            replace(
                CAPABILITIES,
                id_kinds=frozenset({IdKind.INT}),
                key_order=frozenset({KeyOrder.OTHER}),
                elements=frozenset({Element.FLOAT32}),
                metrics=frozenset({Metric.DOT, Metric.COSINE}),
                field_types=frozenset({FieldType.TEXT}),
                dynamic=False,
                sparse=False,
                multi=False,
                nullable_vectors=False,
                partitions=False,
                insert_only=False,
                zero_vector_under_cosine=False,
                nul_in_text=False,
                max_vectors=1,
                scan_page=4,
                write_batch=3000,
                queries=False,
                filters=False,
            )
        )
        return Subject(open=lambda: MemoryStore(Endpoint("memory"), database))
