"""HTTP to one project: the control plane and the hosts of its indexes. One call is one attempt.

The official client is not used here: it sends a request up to four times by itself, on a transport several times as
slow as this one, and has no word for what a retry must know: whether the request left.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import io
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import aiohttp
import orjson

from vectormigrate.model.errors import ConfigInvalid, StoreError, VectormigrateError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pinecone import errors
from vectormigrate.stores.pinecone.errors import Place

A = TypeVar("A")
T = TypeVar("T")

CONTROL_PLANE = "https://api.pinecone.io"
API_VERSION = "2025-10"
_CONNECTIONS = 32
_LARGE = 2**18
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its body, parsed, and the log positions that its headers carry."""

    body: Any
    committed: int | None
    """Where the write stands in the log of its namespace."""
    indexed: int | None
    """Up to where the read had seen the log of its namespace."""


class Link:
    """Calls to one project. Belongs to the event loop of its first call; dials at the first call."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.control = base_url(endpoint.url or CONTROL_PLANE)
        self.version = endpoint.options.get("api_version") or API_VERSION
        self.timeout = seconds(endpoint.options, "timeout", 30.0)
        self._key = endpoint.api_key
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    def place(self, collection: str = "") -> Place:
        return Place(urlsplit(self.control).netloc, collection)

    @property
    def project(self) -> str:
        """What tells two projects at one address apart, without showing the key."""
        return hashlib.sha256(self._key.encode()).hexdigest()[:12] if self._key else "none"

    async def call(
        self,
        method: str,
        base: str,
        path: str,
        *,
        place: Place,
        body: bytes | Mapping[str, Any] | None = None,
        query: Sequence[tuple[str, str]] = (),
        writing: bool = False,
    ) -> Answer:
        """Send once. Raises an error of the tree, or of `errors`, for anything but a good answer."""
        url = base + path + encode_query(query)
        text = body if isinstance(body, bytes) or body is None else orjson.dumps(body, option=_NUMPY)
        # In pieces, so that a large body lets others have the loop in between.
        data = io.BytesIO(text) if text is not None and len(text) > _LARGE else text
        try:
            async with self._open().request(method, url, data=data, allow_redirects=False) as response:
                raw = await response.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise errors.never_sent(place, _reason(error)) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise errors.no_answer(place, _reason(error), writing=writing) from None
        parsed = _parse(raw)
        if not 200 <= response.status < 300:
            raise errors.from_status(
                response.status,
                parsed if parsed is not None else raw.decode(errors="replace"),
                place,
                writing=writing,
                retry_after=_retry_after(response.headers),
            )
        if parsed is None and raw:
            raise errors.unreadable(place, f"no JSON in answer to {method} {path}")
        headers = response.headers
        return Answer(
            parsed if parsed is not None else {},
            _position(headers, "x-pinecone-request-lsn", "x-pinecone-lsn-committed"),
            _position(headers, "x-pinecone-max-indexed-lsn", "x-pinecone-lsn-reconciled"),
        )

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise self.place().error(StoreError, "the store is closed")
        if self._session is None:
            headers = {"X-Pinecone-Api-Version": self.version, "Content-Type": "application/json"}
            if self._key:
                headers["Api-Key"] = self._key
            self._session = aiohttp.ClientSession(
                headers=headers,
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS),
                timeout=aiohttp.ClientTimeout(total=self.timeout, sock_connect=min(10.0, self.timeout)),
                trust_env=urlsplit(self.control).hostname not in _LOOPBACK,
            )
        return self._session

    async def close(self) -> None:
        """Hang up; repeatable."""
        self._closed = True
        session, self._session = self._session, None
        if session is not None:
            await session.close()


async def together(act: Callable[[A], Awaitable[T]], items: Iterable[A], *, at_once: int = 16) -> list[T]:
    """What comes of each item, in order, some of them side by side; the first error ends them all."""
    limit = asyncio.Semaphore(at_once)

    async def one(item: A) -> T:
        async with limit:
            return await act(item)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(item)) for item in items]
    except* VectormigrateError as failed:
        raise first_of(failed) from None
    return [task.result() for task in tasks]


def first_of(failed: BaseExceptionGroup[Any]) -> BaseException:
    """One error of a group, however deep: the others are of the same trouble."""
    first = failed.exceptions[0]
    return first_of(first) if isinstance(first, BaseExceptionGroup) else first


_NUMPY = orjson.OPT_SERIALIZE_NUMPY


def encode_query(query: Sequence[tuple[str, str]]) -> str:
    """A query string; a space is `%20`, which every server reads as one."""
    return "?" + "&".join(f"{key}={quote(value, safe='')}" for key, value in query) if query else ""


def base_url(text: str) -> str:
    """A scheme, a host and perhaps a path, without a slash at the end. Raises ConfigInvalid."""
    url = text if "://" in text else f"https://{text}"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigInvalid("the pinecone URL cannot be read", hint=f"{CONTROL_PLANE}, or leave it out")
    with contextlib.suppress(ValueError):
        _ = parts.port
        return url.rstrip("/")
    raise ConfigInvalid("the port in the pinecone URL is no number", hint="http://127.0.0.1:5080")


def seconds(options: Mapping[str, str], name: str, default: float) -> float:
    """An option that is a time, zero allowed for none but `timeout`. Raises ConfigInvalid."""
    text = options.get(name, "")
    if not text:
        return default
    try:
        given = float(text)
    except ValueError:
        given = -1.0
    if given < 0 or not math.isfinite(given) or (name == "timeout" and not given):
        raise ConfigInvalid(f"the pinecone option {name!r} must be seconds, not {text!r}")
    return given


def _parse(raw: bytes) -> Any:
    try:
        return orjson.loads(raw) if raw else None
    except orjson.JSONDecodeError:
        return None


def _position(headers: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        text = headers.get(name, "")
        if text.isdecimal():
            return int(text)
    return None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        given = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return given if given >= 0 and math.isfinite(given) else None


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
