import pytest

from vectormigrate.api import schemas
from vectormigrate.api.commands import BY_NAME, COMMANDS
from vectormigrate.model.status import MigrationStatus

SERVED = [command for command in COMMANDS if command.scope]


def test_rows_name_classes_that_are_there():
    assert schemas.result_type("MigrationStatus") is MigrationStatus
    for command in SERVED:
        assert isinstance(schemas.result_type(command.result), type), command.name
    with pytest.raises(LookupError):
        schemas.result_type("Nothing")


def test_arguments_are_an_object_that_says_what_it_needs():
    taken = schemas.of_arguments(BY_NAME["keys"])
    assert taken["required"] == ["action"]
    assert taken["properties"]["action"]["enum"] == ["list", "create", "revoke", "rotate"]
    assert taken["additionalProperties"] is False
    assert "required" not in schemas.of_arguments(BY_NAME["keys"], leave_out=["action"])
    assert "html" not in schemas.of_arguments(BY_NAME["report"])["properties"]


def test_results_refer_to_their_classes():
    told, components = schemas.of_results(SERVED, "#/x/{name}")
    assert told["status"] == {"$ref": "#/x/MigrationStatus"}
    assert components["MigrationStatus"]["properties"]["copied"] == {"type": "integer"}
    assert schemas.shown_as_text(bytes)["type"] == "string"
    assert "type" not in schemas.shown_as_text(object)


def test_a_bare_false_is_spelled_out():
    told = schemas.portable({"a": [{"items": False}], "additionalProperties": False})
    assert told == {"a": [{"items": {"not": {}}}], "additionalProperties": False}
