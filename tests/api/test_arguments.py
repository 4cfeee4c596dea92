import pytest

from vectormigrate.api.arguments import refuse_the_host, take
from vectormigrate.api.commands import BY_NAME
from vectormigrate.model.access import Scope
from vectormigrate.model.errors import Forbidden, UsageError

VALIDATE, MIGRATE, KEYS = BY_NAME["validate"], BY_NAME["migrate"], BY_NAME["keys"]


def test_what_can_only_be_meant_so_is_taken_so():
    taken = take(
        VALIDATE, {"migration_id": 7, "sample_size": "10", "seed": 5.0, "full": "true", "threshold": None}
    )
    assert taken.migration_id == "7"
    assert taken.flags == {"sample-size": 10, "seed": 5, "full": True}
    assert taken.words == {}
    assert take(MIGRATE, {"migration_id": "a", "source_index": 2024}).flags == {"source-index": "2024"}
    assert take(KEYS, {"action": "list"}).words == {"action": "list", "key": None}


@pytest.mark.parametrize(
    ("command", "given", "told"),
    [
        (VALIDATE, {}, "validate needs migration_id"),
        (VALIDATE, {"migration_id": ""}, "validate needs migration_id"),
        (VALIDATE, {"migration_id": True}, "migration_id must be a text"),
        (VALIDATE, {"migration_id": {"a": 1}}, "migration_id must be a text"),
        (VALIDATE, {"migration_id": "a", "sample_size": "many"}, "sample_size must be a whole number"),
        (VALIDATE, {"migration_id": "a", "sample_size": 1.5}, "sample_size must be a whole number"),
        (VALIDATE, {"migration_id": "a", "sample-size": 5}, "takes no argument 'sample-size'"),
        (VALIDATE, {"migration_id": "a", "json": True}, "takes no argument 'json'"),
        (MIGRATE, {"migration_id": "a", "follow": True}, "takes no argument 'follow'"),
        (MIGRATE, {"migration_id": "a", "source_type": "oracle"}, "source_type must be one of"),
        (KEYS, {"action": "burn"}, "action must be one of list, create"),
    ],
)
def test_what_cannot_be_meant_is_told_by_name(command, given, told):
    with pytest.raises(UsageError, match=told):
        take(command, given)


def test_what_a_request_needs():
    def needs(name, **given):
        return take(BY_NAME[name], {"migration_id": "a", **given}).needs

    assert needs("status") is Scope.READ
    assert needs("migrate", source="old", source_index="docs") is Scope.OPERATE
    for setting in ("source_url", "target_type", "source_api_key"):
        assert needs("migrate", **{setting: "sqlite"}) is Scope.ADMIN
    assert needs("throttle", max_rate=5) is Scope.OPERATE
    assert needs("set", change="workers=1") is Scope.OPERATE
    for change in ("throttle-url=http://10.0.0.1/", " throttle_file = /etc/passwd"):
        assert needs("set", change=change) is Scope.ADMIN
    for setting in ("throttle_url", "throttle_file"):
        assert needs("throttle", **{setting: "http://10.0.0.1/"}) is Scope.ADMIN
    assert needs("dead-letters") is Scope.READ
    assert needs("dead-letters", retry=True) is Scope.OPERATE


def test_secrets_are_stars_in_what_is_written_down():
    given = {"migration_id": "a", "source_url": "postgres://u:p@h/d", "source_api_key": "k", "batch_size": 5}
    assert take(MIGRATE, given).shown(MIGRATE) == {
        "source-url": "***",
        "source-api-key": "***",
        "batch-size": 5,
    }


@pytest.mark.parametrize("reference", ["file:/etc/shadow", "command:id"])
def test_nobody_reads_files_of_the_machine_over_the_network(reference):
    with pytest.raises(Forbidden, match="target_api_key may not be"):
        refuse_the_host(take(MIGRATE, {"migration_id": "a", "target_api_key": reference}))
    refuse_the_host(take(MIGRATE, {"migration_id": "a", "target_api_key": "env:NAME"}))


def test_a_mapping_is_given_as_text_over_a_network():
    refuse_the_host(take(MIGRATE, {"migration_id": "a", "mapping": "surrogates = true\n"}))
    with pytest.raises(Forbidden, match="may not name a file"):
        refuse_the_host(take(MIGRATE, {"migration_id": "a", "mapping": "/etc/passwd"}))
