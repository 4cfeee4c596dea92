"""`apply`: begin what a plan that was written to a file says, as long as it still is what would happen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vectormigrate import FORMAT_VERSION
from vectormigrate.api.commands import BY_NAME
from vectormigrate.daemon import config
from vectormigrate.model.errors import UsageError

from .call import Answer, Call
from .migrate import begin

_NEEDED = {"migration_id": str, "digest": str, "arguments": dict}


async def apply(call: Call) -> Answer:
    """Ask `migrate` for what `plan` was asked for, if the plan comes out the same."""
    plan = _plan(str(call.words["file"]))
    command = BY_NAME["migrate"]
    known = {setting.key: setting for setting in command.all_settings}
    strange = sorted(plan["arguments"].keys() - known.keys())
    if strange:
        raise UsageError(
            f"{call.words['file']} asks for {strange[0]!r}, which `migrate` does not take",
            hint="plan it anew with this version",
        )
    flags = {known[name].name: value for name, value in plan["arguments"].items()}
    flags["plan-digest"] = plan["digest"]
    flags |= {name: given.value for name, given in call.merged.items() if given.layer == "flag"}
    name = plan["migration_id"]
    return await begin(call, name, config.merge(command.all_settings, flags, call.environ, call.config, name))


def _plan(path: str) -> dict[str, Any]:
    try:
        document = json.loads(Path(path).expanduser().read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        document = None
    if not isinstance(document, dict) or not all(
        isinstance(document.get(name), kind) for name, kind in _NEEDED.items()
    ):
        raise UsageError(f"{path} is no plan", hint="write one with: vectormigrate plan ID ... -o FILE")
    if document.get("format_version", FORMAT_VERSION) != FORMAT_VERSION:
        raise UsageError(
            f"{path} has the form {document['format_version']}, and this version knows {FORMAT_VERSION}",
            hint="plan it anew with this version",
        )
    return document
