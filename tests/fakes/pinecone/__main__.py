"""The fake in a process of its own: prints the address of its control plane, and runs until it is ended.

    python -m tests.fakes.pinecone [fetch=0.3 list=0.4 query=0.2 stats=0.3]

The arguments are the seconds until each kind of read sees a write. The API key is `key`.
"""

from __future__ import annotations

import asyncio
import signal
import sys

from .http import serving
from .service import FakePinecone


async def main(delays: dict[str, float]) -> None:
    ended = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, ended.set)
    async with serving(FakePinecone(delays=delays)) as served:
        sys.stdout.write(served.url + "\n")
        sys.stdout.flush()
        await ended.wait()


pairs = (argument.split("=") for argument in sys.argv[1:])
asyncio.run(main({kind: float(seconds) for kind, seconds in pairs}))
