"""Commands that a daemon does: this one's words to it, or, where none runs, to a desk of our own over the state file."""

from __future__ import annotations

from .call import Answer, Call


async def asked(call: Call) -> Answer:
    """Have it done."""
    raise NotImplementedError(call)
