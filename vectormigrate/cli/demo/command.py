"""`vectormigrate demo`: where its reports go, what Ctrl-C does, and its answer."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

from vectormigrate.cli.call import Answer, Call
from vectormigrate.daemon.signals import stopping
from vectormigrate.model.errors import UsageError

from .story import run
from .telling import Teller


async def demo(call: Call) -> Answer:
    """Tell the story. A signal ends it, and it cleans up behind itself."""
    tell = Teller(call.out, quiet=call.json or call.quiet)
    directory, keep = _directory(call), bool(call.value("keep"))
    task = asyncio.current_task()
    assert task is not None

    def cancel(_: signal.Signals) -> None:
        task.cancel()

    with stopping(cancel) as stop:
        try:
            outcome = await run(directory, tell, keep=keep)
        except asyncio.CancelledError:
            if stop.exit_code is None:
                raise
            return Answer(
                {"legs": [], "live": None, "rollback": None, "ok": False},
                stop.exit_code,
                "stopped; nothing is left behind",
            )
    return Answer(outcome.document(), 0 if outcome.ok else 1, f"\n{outcome.conclusion()}")


def _directory(call: Call) -> Path:
    given = call.value("directory")
    directory = Path(str(given)).expanduser().absolute() if given else Path.cwd()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"the reports cannot be written into {directory}: {error.strerror}",
            hint="choose another --directory",
        ) from None
    return directory
