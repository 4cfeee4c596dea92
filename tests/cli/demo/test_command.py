"""The door of the command line."""

import io

import pytest

from vectormigrate.api.commands import BY_NAME
from vectormigrate.cli.call import Call
from vectormigrate.cli.demo.command import demo
from vectormigrate.daemon.config import Config, Given, merge
from vectormigrate.model.errors import UsageError


async def test_a_directory_that_cannot_be_one_is_refused_before_anything_starts(tmp_path):
    (tmp_path / "file").write_text("")
    command = BY_NAME["demo"]
    merged = dict(merge(command.all_settings, {}, {}, Config()))
    merged["directory"] = Given(str(tmp_path / "file" / "reports"), "flag", "--directory")
    call = Call(command, {}, merged, Config(), {}, io.StringIO(), io.StringIO(), io.StringIO())
    with pytest.raises(UsageError, match="reports cannot be written"):
        await demo(call)
