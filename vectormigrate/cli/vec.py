"""`vec`: a copy of vectors by the words of qortex, done by this process."""

from __future__ import annotations

from vectormigrate.daemon.vec import destination, move
from vectormigrate.model.errors import UsageError

from .call import Answer, Call


async def vec(call: Call) -> Answer:
    """Copy everything, and say how much that was."""
    source = call.value("from")
    if not source:
        raise UsageError(
            "vectormigrate vec needs --from",
            hint="for example: vectormigrate vec --from sqlite --to pgvector",
        )
    done = await move(
        source,
        destination(call.value("to"), call.environ),
        batch_size=call.value("batch-size"),
        dry_run=call.value("dry-run"),
        environ=call.environ,
    )
    return Answer(done)
