"""The table of commands from the other side: a client of our own REST API, for a command line elsewhere.

Standard library only, one request a connection. A change carries an idempotency key, so that one whose answer was lost is
asked for again without being done twice.
"""

from __future__ import annotations

import http.client
import ssl
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from vectormigrate.model.documents import Operation
from vectormigrate.model.errors import Unreachable, Unresolved, UsageError, error_from_dict

from . import bodies
from .command import ROOT, Command, Route

_ATTEMPTS = 3
_TIMEOUT = 330.0
"""Seconds for one answer: a cutover may hold writes for 300."""
_EVERY = 0.5
"""Seconds between two looks at an operation."""


class Remote:
    """A daemon at a URL."""

    def __init__(
        self,
        url: str,
        key: str,
        sleep: Callable[[float], None] = time.sleep,
        *,
        certificate: str | None = None,
        key_file: str | None = None,
    ) -> None:
        """`certificate` is a file with the one to show, its chain and, unless `key_file` has it, its key, as PEM. Nothing is
        dialled yet. Raises UsageError for what is no URL, and for a certificate that cannot be shown there.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url[:200]!r} is no URL with http:// or https://")
        self._parts = parts
        self._key = key
        self._sleep = sleep
        self._context = _context(certificate, key_file) if parts.scheme == "https" else None
        if self._context is None and (certificate or key_file):
            raise UsageError(
                "a client certificate is shown to https:// alone", hint="give the daemon's https:// address"
            )

    def ask(self, command: Command, given: Mapping[str, Any]) -> Any:
        """What the command answers, waited for when it lasts. Raises what the daemon answers, Unreachable, Unresolved."""
        answer = self.begin(command, given)
        return self._finished(answer) if command.lasting else answer

    def begin(self, command: Command, given: Mapping[str, Any]) -> Any:
        """What is answered at once: of a command that lasts its operation."""
        route, rest = route_for(command, given)
        names = {*route.given, *route.names}
        path = route.url.format_map({name: quote(str(value), safe="") for name, value in given.items()})
        told = {name: value for name, value in rest.items() if name not in names}
        if route.method == "GET":
            query = urlencode({name: _text(value) for name, value in told.items()}, doseq=True)
            return self._once("GET", f"{path}?{query}" if query else path, None)
        return self._once("POST", path, told)

    def _finished(self, operation: Any) -> Any:
        while operation["state"] == "running":
            self._sleep(_EVERY)
            operation = self._once("GET", f"{ROOT}/operations/{quote(operation['id'])}", None)
        return outcome(msgspec.convert(operation, Operation))

    def _once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        """Ask, and again when no answer came."""
        headers = {"Accept": bodies.MEDIA}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        if body is not None:
            headers |= {"Content-Type": bodies.MEDIA, "Idempotency-Key": uuid.uuid4().hex}
        data = None if body is None else bodies.dump(body)
        for attempt in range(_ATTEMPTS):
            connection = self._connection()
            try:
                connection.connect()
            except OSError as error:
                lost = Unresolved if attempt else Unreachable  # an earlier attempt may have arrived
                raise lost(
                    f"no daemon answers at {self._parts.scheme}://{self._parts.netloc.rpartition('@')[2]}: {error}"
                ) from None
            try:
                connection.request(method, self._parts.path.rstrip("/") + path, data, headers)
                answer = connection.getresponse()
                return _read(answer.status, answer.read())
            except (OSError, http.client.HTTPException) as error:
                if attempt == _ATTEMPTS - 1:
                    raise Unresolved(f"no answer from {self._parts.hostname}: {error}") from None
            finally:
                connection.close()
        raise AssertionError("the last attempt returns or raises")

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._context is None:
            return http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
        return http.client.HTTPSConnection(host, port, timeout=_TIMEOUT, context=self._context)


def outcome(operation: Operation) -> Any:
    """What an operation that has ended came to. Raises what it ended with, and Unresolved when its daemon ended first."""
    if operation.state == "succeeded":
        return operation.result
    if operation.error is not None:
        raise error_from_dict(operation.error)
    raise Unresolved(
        f"the daemon ended before {operation.command} of {operation.migration_id!r} did",
        hint="look where it is with `vectormigrate status`, and go on with `vectormigrate resume`",
    )


def _context(certificate: str | None, key_file: str | None) -> ssl.SSLContext:
    """The machine's authorities (or those of SSL_CERT_FILE), and what is shown to a daemon that asks who connects."""
    context = ssl.create_default_context()
    if key_file and not certificate:
        raise UsageError("--client-key needs the certificate that it is of", hint="give --client-cert FILE")
    if certificate:
        try:
            context.load_cert_chain(
                Path(certificate).expanduser(), Path(key_file).expanduser() if key_file else None
            )
        except OSError as error:  # SSLError is one too
            raise UsageError(
                f"the client certificate {certificate} cannot be used: {error.strerror or error}",
                hint="--client-cert and --client-key name PEM files; the key must be without a passphrase",
            ) from None
    return context


def route_for(command: Command, given: Mapping[str, Any]) -> tuple[Route, dict[str, Any]]:
    """The way to ask for this, and what of the arguments it does not stand for."""
    rest = {name: value for name, value in given.items() if value is not None}
    fitting = [
        route
        for route in command.routes
        if all(rest.get(name) == value for name, value in route.given.items())
        and all(rest.get(name) for name in route.names)
    ]
    # The one that says most; and a look, unless an argument changes something.
    changes = "retry" in rest
    fitting.sort(key=lambda route: (len(route.names), (route.method == "POST") is changes))
    if not fitting:
        raise UsageError(
            f"{command.name} is not asked for like this", hint=f"see vectormigrate {command.name} --help"
        )
    return fitting[-1], rest


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _read(status: int, body: bytes) -> Any:
    try:
        document = msgspec.json.decode(body)
        if status < 400:
            return document
        raise error_from_dict({**document, "message": document["detail"]})
    except (msgspec.DecodeError, KeyError, TypeError):
        raise Unresolved(f"the answer {status} cannot be read: is this a vectormigrate?") from None
