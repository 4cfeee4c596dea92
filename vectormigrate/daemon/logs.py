"""Log lines of a serving process: to standard error, one line each, as text or as JSON, at a level that can change while it runs.

Rooms log by the standard library; structlog makes the lines, so that those of uvicorn and of the vendors' libraries have the same
shape. What looks like a secret is taken out of every line, whoever wrote it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from vectormigrate.model.plaintext import spelled

_OURS = ("vectormigrate", "uvicorn", "asyncio", "aiohttp")
"""The loggers of what this process is made of; a vendor's client logs nothing here."""
STARS = "***"
_SECRETS = (
    re.compile(r"(?i)(bearer|basic|apikey)(\s+)[A-Za-z0-9+/=_.~-]{8,}"),
    re.compile(
        r"(?i)\b((?:api[-_]?key|password|passwd|secret|token|authorization)\b['\"]?\s*[=:]\s*['\"]?)()(?!(?i:bearer|basic)\b)[^\s'\",;&]+"
    ),
    re.compile(r"(://[^/\s:@]*:)()[^/\s@]+(?=@)"),
    re.compile(r"\b(whsec_|vmk_)()[A-Za-z0-9+/=_-]{8,}"),
)
"""What stands before a secret, twice parted, and the secret itself."""


@contextmanager
def logging_to(stream: TextIO, level: str, form: str = "text") -> Iterator[None]:
    """While the block runs, log from this level ("debug", "info", ...) on, in one of `LOG_FORMATS`."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_formatter(form))
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


def redacted(text: str) -> str:
    """A text without what looks like a secret in it: a key behind its name, a password in an address."""
    for pattern in _SECRETS:
        text = pattern.sub(rf"\1\2{STARS}", text)
    return text


def _formatter(form: str) -> logging.Formatter:
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    last: Processor = _text if form == "text" else structlog.processors.JSONRenderer(serializer=_json)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _clean, last],
    )


def _clean(_: WrappedLogger, __: str, line: EventDict) -> EventDict:
    return {name: redacted(value) if isinstance(value, str) else value for name, value in line.items()}


def _text(_: WrappedLogger, __: str, line: EventDict) -> str:
    """One line, and what an exception left below it, set in. A break inside a message would forge another line."""
    exception = str(line.pop("exception", "")).splitlines()
    told = f"{line['timestamp']} {str(line['level']).upper()} {line['logger']}: {spelled(str(line['event']))}"
    return "\n".join([told, *(f"  {spelled(one)}" for one in exception)])


def _json(line: object, **_: object) -> str:
    return orjson.dumps(line, default=str).decode()
