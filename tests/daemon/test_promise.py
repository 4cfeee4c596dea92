"""Plans that can be held to."""

from dataclasses import replace

import pytest

from tests.fakes.tables import asked, fill
from vectormigrate.daemon.foreseeing import plan
from vectormigrate.daemon.promise import hold
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.errors import GateRefused, UsageError


async def test_a_plan_of_several_parts_is_held_to_as_a_whole(tmp_path):
    spec = asked(tmp_path)
    fill(tmp_path / "old.db", **{"docs-a": 5, "docs-b": 5})
    first = await plan(spec, Secrets())
    hold(None, first)
    hold(first.digest, await plan(spec, Secrets()))
    with pytest.raises(GateRefused, match="what was asked for changed since"):
        hold(first.digest, await plan(replace(spec, batch_size=8), Secrets()))
    fill(tmp_path / "old.db", **{"docs-c": 5})
    with pytest.raises(GateRefused, match="what was asked for and the shape of the source and"):
        hold(first.digest, await plan(spec, Secrets()))
    with pytest.raises(UsageError, match="no digest of a plan"):
        hold("4711", first)
