"""One suite for the `Store` port: every store passes it, and every later one will.

    from tests.conformance.suite import ConformanceSuite, Subject

    class TestConformance(ConformanceSuite):
        @pytest.fixture
        def target(self):
            return Subject(open=lambda: open_store(Endpoint("memory", "memory://conformance")))

What a store cannot do is read off its capabilities, and each skip names the capability.
"""

import pytest

_ASSERTING = ("compare", "lifecycle", "reading", "searching", "subject", "values", "vectors", "writing")
pytest.register_assert_rewrite(*(f"{__name__}.{name}" for name in _ASSERTING))
