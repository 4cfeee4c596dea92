"""The rows that change how a migration goes."""

from vectormigrate.api.commands import BY_NAME
from vectormigrate.model.access import Scope


def test_whoever_operates_may_and_nothing_is_destroyed():
    for name in ("throttle", "set"):
        command = BY_NAME[name]
        assert command.scope is Scope.OPERATE
        assert not command.reads_only
        assert not command.destroys({})
        assert [route.url for route in command.routes] == [f"/v1/migrations/{{migration_id}}/{name}"]
