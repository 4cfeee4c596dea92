"""Log lines of a serving process: to standard error, one line each, at a level that can change while it runs."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_OURS = ("vectormigrate", "uvicorn", "asyncio", "aiohttp")
"""The loggers of what this process is made of; a vendor's client logs nothing here."""
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextmanager
def logging_to(stream: TextIO, level: str) -> Iterator[None]:
    """While the block runs, log from this level ("debug", "info", ...) on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter(_FORMAT))
    set_level(level)
    for name in _OURS:
        logging.getLogger(name).addHandler(handler)
    try:
        yield
    finally:
        for name in _OURS:
            logging.getLogger(name).removeHandler(handler)
            logging.getLogger(name).setLevel(logging.NOTSET)


def set_level(level: str) -> None:
    """Change it. Libraries are heard from `warning` on, whatever is asked of us: their debug lines hold requests."""
    for name in _OURS:
        wanted = getattr(logging, level.upper())
        logging.getLogger(name).setLevel(wanted if name == "vectormigrate" else max(wanted, logging.WARNING))
