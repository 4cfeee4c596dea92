"""Secrets: references go into the state, values only into the call that opens a connection.

A reference is `env:NAME`, `file:PATH`, `command:LINE` or has `${NAME}` in it. Whatever else is given as a key or
stands as a password in an address is a secret by value: it is used by this run and taken out of what is stored. The
surprise: a variable inside the user part of an address is percent-encoded when it is filled in, so that a password
may hold any character, while one that is the whole address is taken as it is.
"""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote

from vectormigrate.model.errors import ConfigInvalid
from vectormigrate.model.specification import StoreRef
from vectormigrate.stores.base import Endpoint

from .expansion import expand, has_variable

COMMAND_SECONDS = 30.0
"""How long a `command:LINE` may take to say its secret."""

_REFERENCE = re.compile(r"(env|file|command):.+", re.DOTALL)
_SLOW = re.compile(r"(file|command):")
_USERINFO = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^/?#]*)@(?P<rest>.*)$", re.DOTALL)
_DSN_PASSWORD = re.compile(r"\s*\bpassword\s*=\s*(?P<value>'(?:[^'\\]|\\.)*'|[^\s']+)")
_QUERY_PASSWORD = re.compile(r"(?P<before>[?&])(?:password|token|api_key)=(?P<value>[^&#]*)&?")

StoreKey = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Literal:
    """What this run alone knows: an address with its password in it, a key (or another reference to one)."""

    url: str = field(default="", repr=False)
    api_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Sealed:
    """One side with nothing secret in it, and what was taken out."""

    ref: StoreRef
    literal: Literal | None


def seal(ref: StoreRef) -> Sealed:
    """Take every secret by value out of one side."""
    url = _without_password(ref.url)
    key = ref.api_key if is_reference(ref.api_key) else ""
    literal = Literal(ref.url if url != ref.url else "", ref.api_key if key != ref.api_key else "")
    return Sealed(replace(ref, url=url, api_key=key), literal if literal != Literal() else None)


def is_reference(text: str) -> bool:
    """Whether a key names a secret instead of being one. An empty one is no secret either."""
    return not text or bool(_REFERENCE.fullmatch(text)) or has_variable(text)


def _without_password(url: str) -> str:
    found = _USERINFO.match(url)
    if found:
        user, colon, password = found["user"].partition(":")
        if colon and password and not has_variable(password):
            url = f"{found['scheme']}{user}@{found['rest']}" if user else found["scheme"] + found["rest"]
    if "://" in url:
        url = _QUERY_PASSWORD.sub(
            lambda match: match[0] if has_variable(match["value"]) else match["before"], url
        )
        return url.rstrip("?&") if "?" in url else url
    if "=" in url:
        url = _DSN_PASSWORD.sub(lambda match: match[0] if has_variable(match["value"]) else "", url).strip()
    return url


def key(ref: StoreRef) -> StoreKey:
    """What tells the sides of migrations apart, for `Secrets.literals`."""
    return (ref.kind, ref.url, ref.collection)


@dataclass(frozen=True, slots=True)
class _Place:
    """What a secret is for, as errors tell it."""

    whose: str
    store: str = ""
    collection: str = ""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Turns a side as it is stored into an endpoint that can be dialled."""

    literals: Mapping[StoreKey, Literal] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    notes: str = ""
    """`Endpoint.notes` of every store: where the state file is."""

    def lent(self, known: StoreRef, to: StoreRef) -> Secrets:
        """These, with what is known of one ref known of another too: what opens a migration opens its parts."""
        literal = self.literals.get(key(known))
        if literal is None:
            return self
        return replace(self, literals={key(to): literal, **self.literals})

    def resolve(self, ref: StoreRef, owner: str) -> Endpoint:
        """Look up every reference. Raises ConfigInvalid that names the reference, never what it holds."""
        place = _Place(f"the {ref.kind} store", ref.kind, ref.collection)
        literal = self.literals.get(key(ref), Literal())
        url = literal.url or self._address(ref, place)
        wanted = literal.api_key or ref.api_key
        api_key = self._look_up(wanted, place) if is_reference(wanted) else wanted
        return Endpoint(
            ref.kind,
            url,
            api_key,
            owner,
            {name: self._fill(text, place) for name, text in ref.options.items()},
            self._look_up(ref.redact_key, place),
            self.notes,
            ref.placement,
        )

    async def reach(self, ref: StoreRef, owner: str) -> Endpoint:
        """`resolve`, beside the loop where a program or a file has to say it: requests of applications go on meanwhile."""
        held = self.literals.get(key(ref), Literal())
        if any(_SLOW.match(one) for one in (held.api_key or ref.api_key, ref.redact_key)):
            return await asyncio.to_thread(self.resolve, ref, owner)
        return self.resolve(ref, owner)

    def look_up(self, reference: str, whose: str) -> str:
        """A secret that is no store's, or the text itself when it is no reference. Raises ConfigInvalid as `resolve` does."""
        return self._look_up(reference, _Place(whose))

    def _address(self, ref: StoreRef, place: _Place) -> str:
        found = _USERINFO.match(ref.url)
        if found is None:
            return self._fill(ref.url, place)
        user = self._fill(found["user"], place, encoded=True)
        return f"{self._fill(found['scheme'], place)}{user}@{self._fill(found['rest'], place)}"

    def _fill(self, text: str, place: _Place, *, encoded: bool = False) -> str:
        try:
            if encoded:
                return expand(text, self.environ, lambda value: quote(value, safe=""))
            return expand(text, self.environ)
        except KeyError as error:
            raise self._missing(f"environment variable {error.args[0]} is not set", place) from None

    def _look_up(self, reference: str, place: _Place) -> str:
        way, _, rest = reference.partition(":")
        match way if _REFERENCE.fullmatch(reference) else "":
            case "env":
                if not self.environ.get(rest):
                    raise self._missing(f"environment variable {rest} is not set", place)
                return self.environ[rest]
            case "file":
                return self._read(self._fill(rest, place), place)
            case "command":
                return self._ask(rest, place)
            case _:
                return self._fill(reference, place)  # `${NAME}`, or empty

    def _read(self, path: str, place: _Place) -> str:
        try:
            return Path(path).expanduser().read_text().rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise self._missing(f"file {path} cannot be read: {why}", place) from None

    def _ask(self, line: str, place: _Place) -> str:
        try:
            ended = subprocess.run(  # noqa: S603 the user's own command, without a shell
                shlex.split(line),
                capture_output=True,
                text=True,
                timeout=COMMAND_SECONDS,
                check=False,
                env=dict(self.environ),
            )
        except (OSError, ValueError, subprocess.TimeoutExpired) as error:
            raise self._missing(f"command {line!r} did not run: {_why(error)}", place) from None
        if ended.returncode != 0 or not ended.stdout.strip():
            raise self._missing(f"command {line!r} gave no secret (exit code {ended.returncode})", place)
        return ended.stdout.rstrip("\r\n")

    def _missing(self, what: str, place: _Place) -> ConfigInvalid:
        return ConfigInvalid(
            f"the secret of {place.whose} cannot be had: {what}",
            hint="set it and run the same command again; nothing was changed",
            store=place.store,
            collection=place.collection,
        )


def _why(error: OSError | ValueError | subprocess.TimeoutExpired) -> str:
    if isinstance(error, subprocess.TimeoutExpired):
        return f"no answer after {COMMAND_SECONDS:g} s"
    return (error.strerror if isinstance(error, OSError) else str(error)) or "unknown error"
