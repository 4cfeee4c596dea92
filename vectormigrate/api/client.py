"""A client of our own API, for applications that call us directly: the same calls whichever database answers.

Synchronous, one connection, standard library only. Every write carries an idempotency key, so that a request whose answer
was lost is sent again without being done twice. Safe for one thread at a time.
"""

from __future__ import annotations

import http.client
import json
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

from vectormigrate.model import jsonvalue
from vectormigrate.model.errors import Unreachable, Unresolved, UsageError, error_from_dict

_ATTEMPTS = 3


class Client:
    """One daemon, or `vectormigrate emulate neutral`.

    with Client("http://127.0.0.1:8900") as client:
        client.upsert("docs", [{"id": "a", "vectors": {"v": [0.1, 0.2]}, "payload": {"n": 1}}])
        client.query("docs", [0.1, 0.2], using="v", filter={"field": "n", "gte": 1})
    """

    def __init__(self, url: str, *, timeout: float = 30.0) -> None:
        """Nothing is dialled yet. `timeout` in seconds an attempt. Raises UsageError for what is no URL."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is no URL with http:// or https://")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=timeout)
        self._prefix = parts.path.rstrip("/")

    def collections(self) -> list[str]:
        """Names."""
        names: list[str] = self._ask("GET", "/collections")["collections"]
        return names

    def describe(self, collection: str) -> dict[str, Any]:
        """The shape of a collection."""
        shape: dict[str, Any] = self._ask("GET", _path(collection))
        return shape

    def count(self, collection: str) -> int:
        """How many records."""
        return int(self._ask("GET", _path(collection, "count"))["count"])

    def upsert(
        self, collection: str, records: Sequence[Mapping[str, Any]], *, key: str | None = None
    ) -> dict[str, Any]:
        """Replace records whole, or add them; `key` is the idempotency key, made up unless given."""
        return self._write(
            "PUT", _path(collection, "records"), {"records": [_record(one) for one in records]}, key
        )

    def patch(
        self, collection: str, ids: Sequence[Any], payload: Mapping[str, Any], *, key: str | None = None
    ) -> dict[str, Any]:
        """Set payload keys of records that exist."""
        body = {"ids": list(ids), "payload": dict(payload)}
        return self._write("PATCH", _path(collection, "records"), body, key)

    def delete(
        self,
        collection: str,
        ids: Sequence[Any] | None = None,
        *,
        filter: Mapping[str, Any] | None = None,
        key: str | None = None,
    ) -> dict[str, Any]:
        """Remove records by id or by filter."""
        if (ids is None) is (filter is None):
            raise UsageError("give ids or a filter")
        body: dict[str, Any] = {"ids": list(ids)} if ids is not None else {"filter": filter}
        return self._write("POST", _path(collection, "records/delete"), body, key)

    def fetch(self, collection: str, ids: Sequence[Any]) -> list[dict[str, Any]]:
        """The records of these ids that exist."""
        found: list[dict[str, Any]] = self._ask(
            "POST", _path(collection, "records/fetch"), {"ids": list(ids)}
        )["records"]
        return found

    def query(self, collection: str, vector: Any, **words: Any) -> list[dict[str, Any]]:
        """The nearest records: `using`, `limit`, `filter`, `exact`, `with_record`."""
        found: list[dict[str, Any]] = self._ask(
            "POST", _path(collection, "query"), {"vector": _plain(vector), **words}
        )["matches"]
        return found

    def close(self) -> None:
        """Give the connection back."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self, method: str, path: str, body: Mapping[str, Any], key: str | None) -> dict[str, Any]:
        key = key or uuid.uuid4().hex
        if not key.isprintable() or not key.isascii():
            raise UsageError(f"{key!r} is no idempotency key: printable ASCII, up to 255 characters")
        answer: dict[str, Any] = self._ask(method, path, body, {"Idempotency-Key": key})
        return answer

    def _ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Ask, and again when no answer came. Raises what the daemon answered, Unreachable or Unresolved."""
        data = None if body is None else jsonvalue.dumps(body)
        for attempt in range(_ATTEMPTS):
            try:
                if self._connection.sock is None:
                    self._connection.connect()
            except OSError as error:
                lost = Unresolved if attempt else Unreachable  # an earlier attempt may have arrived
                raise lost(f"{self._connection.host} does not answer: {error}") from None
            try:
                self._connection.request(
                    method,
                    self._prefix + path,
                    data,
                    {"Content-Type": "application/json", **(headers or {})},
                )
                answer = self._connection.getresponse()
                return _read(answer.status, answer.read())
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if attempt == _ATTEMPTS - 1:
                    raise Unresolved(f"no answer from {self._connection.host}: {error}") from None
        raise AssertionError("the last attempt returns or raises")


def _path(collection: str, rest: str = "") -> str:
    return f"/collections/{quote(collection, safe='')}" + (f"/{rest}" if rest else "")


def _plain(vector: Any) -> Any:
    """Of arrays, lists; those of a sparse vector as well."""
    if isinstance(vector, Mapping):
        return {name: _plain(part) for name, part in vector.items()}
    return vector.tolist() if hasattr(vector, "tolist") else vector


def _record(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _plain(held) if name == "vectors" else held for name, held in given.items()}


def _read(status: int, body: bytes) -> Any:
    if status < 400:
        return jsonvalue.loads(body)
    if status == 413:  # by the listener, which does not know our words
        raise UsageError(body.decode(errors="replace").strip(), hint="send less at a time, or see --max-body")
    try:
        raise error_from_dict(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        raise Unresolved(f"the answer {status} cannot be read: is this a vectormigrate?") from None
