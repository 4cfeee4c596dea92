"""Consent to a command that destroys: a token that stands for exactly what was shown, for whoever it was shown to.

It is good once, for a while, for the same arguments, and only as long as the migration is where it was. Nothing is kept of a
token but that it was used; the secret behind it dies with the process.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from vectormigrate.model.access import Principal
from vectormigrate.model.errors import GateRefused

SECONDS = 600
_USED = 10_000
_AGAIN = "ask without a plan_token first: the answer says what would happen, and holds one"


class PlanTokens:
    """Those of one process."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._secret = secrets.token_bytes(32)
        self._used: OrderedDict[str, None] = OrderedDict()

    def issue(self, who: Principal, command: str, given: Mapping[str, Any], standing: str) -> str:
        """For what was just shown. `standing` is where the migration is."""
        until = str(int(self._monotonic()) + SECONDS)
        nonce = secrets.token_urlsafe(9)
        return f"{until}.{nonce}.{self._sign(until, nonce, who, command, given, standing)}"

    def redeem(
        self, token: str, who: Principal, command: str, given: Mapping[str, Any], standing: str
    ) -> None:
        """Raises GateRefused for a token that does not stand for this, now."""
        until, _, rest = token.partition(".")
        nonce, _, signed = rest.partition(".")
        good = hmac.compare_digest(
            signed.encode(), self._sign(until, nonce, who, command, given, standing).encode()
        )
        if not good:
            raise GateRefused(
                "the plan_token stands for something else: other arguments, another key, or the migration has moved",
                hint=_AGAIN,
            )
        if self._monotonic() > int(until):
            raise GateRefused("the plan_token has expired", hint=_AGAIN)
        if nonce in self._used:
            raise GateRefused("the plan_token was used", hint=_AGAIN)
        self._used[nonce] = None
        while len(self._used) > _USED:
            self._used.popitem(last=False)

    def _sign(
        self, until: str, nonce: str, who: Principal, command: str, given: Mapping[str, Any], standing: str
    ) -> str:
        told = sorted((name, value) for name, value in given.items() if value is not None)
        text = msgspec.json.encode([until, nonce, who.name, command, told, standing])
        digest = hmac.new(self._secret, text, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
