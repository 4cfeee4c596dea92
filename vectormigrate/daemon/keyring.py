"""Keys of the API: making them, and telling from a key who has it. Only digests are kept, and compared in constant time.

A key reads `vmk_ID_SECRET`. The id is public and names the key in lists and in the audit; the secret is 256 random bits.
Beside those of the state file there may be one that the configuration gives: it has no id, and every right.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import replace
from datetime import timedelta

from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.clock import Clock
from vectormigrate.model.documents import Key
from vectormigrate.model.errors import UsageError
from vectormigrate.state import api_keys
from vectormigrate.state.api_keys import StoredKey
from vectormigrate.state.database import Database, Transaction

_PREFIX = "vmk"
_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"
_ID = 8
_SECRET = 32
LONGEST = 512
"""Characters of a key that are looked at."""
_NOBODY = StoredKey("", bytes(32), Scope.READ, "", "", None, None)


class Keyring:
    """The keys of one state file."""

    def __init__(self, database: Database, clock: Clock, configured: str = "") -> None:
        self._database = database
        self._clock = clock
        self.configure(configured)

    def configure(self, key: str) -> None:
        """Take another key from the configuration, or none."""
        self._configured = _digest(key) if key else None

    @property
    def empty(self) -> bool:
        """Whether nobody can be let in."""
        at = self._now()
        return self._configured is None and not any(
            one.good(at) for one in self._database.read(api_keys.every)
        )

    def open(self, text: str, way: str) -> Principal | None:
        """Who has this key; None for one that opens nothing. Takes the same time for every wrong one."""
        given = _digest(text[:LONGEST])
        if self._configured is not None and hmac.compare_digest(given, self._configured):
            return Principal("key configured", Scope.ADMIN, way)
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        found = self._database.read(lambda tx: api_keys.get(tx, key_id)) if prefix == _PREFIX else None
        same = hmac.compare_digest(_digest(secret[:LONGEST]), (found or _NOBODY).digest)
        if found is None or not same or not found.good(self._now()):
            return None
        return Principal(f"key {found.id}", Scope(found.scope), way)

    def every(self) -> list[Key]:
        """All of the state file, the oldest first."""
        return [self._shown(one) for one in self._database.read(api_keys.every)]

    def one(self, key_id: str) -> Key:
        """A key of the state file. Raises UsageError for an unknown one."""
        return self._shown(self._get(key_id))

    def check_good(self, key_id: str) -> None:
        """Raise UsageError for a key in whose place no other can come."""
        if not self.one(key_id).good:
            raise UsageError(
                f"the key {key_id!r} is revoked or has expired", hint="make a new one: keys create"
            )

    async def create(self, scope: Scope, label: str, lifetime: float | None) -> tuple[str, Key]:
        """A new key, in full and as it is listed. `lifetime` in seconds, None for ever."""
        secret = secrets.token_urlsafe(_SECRET)
        key_id = "".join(secrets.choice(_ALPHABET) for _ in range(_ID))
        expires = None if lifetime is None else self._later(lifetime)
        stored = StoredKey(key_id, _digest(secret), scope, label, self._now(), expires, None)
        await self._database.write(lambda tx: api_keys.add(tx, stored))
        return f"{_PREFIX}_{key_id}_{secret}", self._shown(stored)

    async def revoke(self, key_id: str) -> Key:
        """It opens nothing from now on. Raises UsageError for an unknown one."""
        self.one(key_id)
        at = self._now()
        await self._database.write(lambda tx: api_keys.revoke(tx, key_id, at=at))
        return self.one(key_id)

    async def rotate(self, key_id: str, overlap: float) -> tuple[str, Key]:
        """Another in its place, with the same rights; the old one ends after so many seconds. Raises UsageError."""
        old = self._get(key_id)
        self.check_good(key_id)
        text, made = await self.create(Scope(old.scope), old.label, None)
        if old.expires_at is not None:
            expires_at = old.expires_at
            await self._database.write(lambda tx: api_keys.expire(tx, made.id, at=expires_at))
            made = replace(made, expires_at=expires_at)
        ends = self._later(overlap)

        def give_way(tx: Transaction) -> None:
            api_keys.succeed(tx, key_id, made.id)
            api_keys.expire(tx, key_id, at=ends)

        await self._database.write(give_way)
        return text, made

    def _now(self) -> str:
        return self._clock.now().isoformat()

    def _later(self, seconds: float) -> str:
        return (self._clock.now() + timedelta(seconds=seconds)).isoformat()

    def _get(self, key_id: str) -> StoredKey:
        found = self._database.read(lambda tx: api_keys.get(tx, key_id))
        if found is None:
            raise UsageError(
                f"there is no key {key_id[:80]!r}", hint="`vectormigrate keys list` shows those there are"
            )
        return found

    def _shown(self, key: StoredKey) -> Key:
        return Key(
            key.id,
            key.scope,
            key.label,
            key.created_at,
            key.expires_at,
            key.revoked_at,
            key.good(self._now()),
        )


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
