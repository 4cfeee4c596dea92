"""`completion`: the script that teaches a shell our commands and flags."""

from __future__ import annotations

import shtab

from . import arguments
from .call import Answer, Call


def completion(call: Call) -> Answer:
    """The script for a shell."""
    shell = call.words["shell"] or ""
    script = shtab.complete(arguments.build(complete=True), shell=shell).rstrip("\n")
    return Answer({"shell": shell, "script": script}, text=script)
