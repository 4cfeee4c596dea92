"""Recommendations by names of stores, without a server."""

import pytest

from vectormigrate.daemon.recommending import schema_recommendation
from vectormigrate.model.errors import UsageError
from vectormigrate.stores import registry


@pytest.mark.parametrize("kind", registry.KINDS)
async def test_every_kind_is_answered_without_a_server(kind):
    found = await schema_recommendation("memory", kind, {"id": "text", "e": "vector(3)"})
    assert (found.target_type, len(found.field_mappings)) == (kind, 2)
    assert (await schema_recommendation(kind, kind)).source_type == kind


async def test_an_unknown_kind_is_refused():
    with pytest.raises(UsageError, match="unknown store type 'chroma'"):
        await schema_recommendation("memory", "chroma")
