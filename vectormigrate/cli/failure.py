"""Errors for people and for programs: what happened, to what, whether a retry can help, what to do next.

One screen at most, on standard error; with `--json` one document on standard output. Light: the front door imports it.
"""

from __future__ import annotations

import json
from typing import TextIO

from vectormigrate import FORMAT_VERSION
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.plaintext import spelled

LONGEST = 1000
"""Characters of one line: an error fits a screen, whatever a server puts into it."""
LONGEST_ID = 80


def show(error: VectormigrateError, *, as_json: bool, out: TextIO, err: TextIO) -> int:
    """Print an error and give the exit code of the process."""
    if as_json:
        document = {
            "format_version": FORMAT_VERSION,
            "error": {**error.as_dict(), "exit_code": error.exit_code},
        }
        print(json.dumps(document, ensure_ascii=False), file=out, flush=True)
    else:
        print("\n".join(lines(error)), file=err, flush=True)
    return error.exit_code


def lines(error: VectormigrateError) -> list[str]:
    """The error as a person reads it."""
    told = [f"error: {error.message}"]
    if error.store or error.collection:
        told.append(f"  where: {': '.join(word for word in (error.store, error.collection) if word)}")
    if error.ids:
        ids = [one if len(one) <= LONGEST_ID else f"{one[:LONGEST_ID]}..." for one in error.ids[:5]]
        told.append(f"  ids:   {', '.join(ids)}{' ...' if len(error.ids) > 5 else ''}")
    told.append(f"  retry: {_retry(error)}")
    if error.hint:
        told.append(f"  hint:  {error.hint}")
    return [spelled(line[:LONGEST]) for line in told]


def _retry(error: VectormigrateError) -> str:
    if not error.retryable:
        return "cannot help until something is changed"
    if error.retry_after:
        return f"can help, after {error.retry_after:g} s"
    return "can help"
