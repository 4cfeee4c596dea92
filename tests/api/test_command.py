from vectormigrate.api.command import Route, outside
from vectormigrate.api.commands import BY_NAME, COMMANDS
from vectormigrate.daemon.api_settings import REMOTE
from vectormigrate.daemon.settings import GLOBAL


def test_what_a_daemon_does_can_be_asked_of_one_elsewhere():
    for command in COMMANDS:
        assert command.all_settings[-len(GLOBAL) :] == GLOBAL
        if command.name not in ("serve", "mcp", "export", "import", "apply"):
            assert (REMOTE[0] in command.all_settings) is (command.scope is not None)


def test_what_is_for_the_terminal_alone_is_no_argument():
    assert {setting.name for setting in BY_NAME["report"].arguments} == set()
    assert "dry-run" in {setting.name for setting in BY_NAME["rollback"].arguments}
    assert "yes" not in {setting.name for setting in BY_NAME["rollback"].arguments}


def test_what_destroys():
    assert BY_NAME["rollback"].destroys({})
    assert not BY_NAME["rollback"].destroys({"dry_run": True})
    assert BY_NAME["keys"].destroys({"action": "revoke"})
    assert not BY_NAME["keys"].destroys({"action": "create"})
    assert BY_NAME["capture"].destroys({"action": "remove"})
    assert not BY_NAME["capture"].destroys({"action": "check"})
    assert not BY_NAME["status"].destroys({})
    assert BY_NAME["status"].reads_only
    assert not BY_NAME["pause"].reads_only


def test_a_route_by_the_names_that_requests_have():
    route = Route("POST", "/migrations/{id}/capture/check", {"action": "check"})
    assert (route.url, route.names) == ("/v1/migrations/{migration_id}/capture/check", ["migration_id"])
    assert Route("POST", "/keys/{key}/revoke").names == ["key"]
    assert Route("GET", "/keys").names == []
    assert (outside("id"), outside("key")) == ("migration_id", "key")
