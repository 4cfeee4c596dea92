"""Results on standard output: one JSON document with `--json`, text for people otherwise."""

from __future__ import annotations

from pathlib import Path

import msgspec

from vectormigrate import FORMAT_VERSION
from vectormigrate.model.errors import UsageError
from vectormigrate.model.onward import onward

from .call import Answer, Call
from .daemon_text import render


def show(answer: Answer, call: Call) -> None:
    """Print the result of a command."""
    if call.json:
        text = as_json(versioned(onward(answer.document)))
    elif answer.text is not None:
        text = answer.text
    else:
        text = "\n".join(render(answer.document))
    if text:
        print(text, file=call.out, flush=True)
    for line in answer.then:
        call.remark(line)


def versioned(document: object) -> object:
    """The document, saying first which form it has."""
    plain = msgspec.to_builtins(document, enc_hook=str)
    return {"format_version": FORMAT_VERSION, **plain} if isinstance(plain, dict) else plain


def as_json(document: object) -> str:
    """One document, indented; keys are those of the classes, times are RFC 3339, numbers that are none are null."""
    return msgspec.json.format(msgspec.json.encode(document, enc_hook=str), indent=2).decode()


def write(name: str, text: str) -> None:
    """Write a file that was asked for. Raises UsageError when that cannot be."""
    try:
        Path(name).expanduser().write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}", hint="choose another file") from None
