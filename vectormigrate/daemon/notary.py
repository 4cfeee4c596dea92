"""Signs what leaves for an auditor, and checks what comes back. Ed25519, one key a state file.

The private key lies beside the state file, readable by its owner alone, and is made when the first document is signed. A signature
says that the document is whole and was made where that key is; whose key it is, is for people to compare: `fingerprint`.
"""

from __future__ import annotations

import base64
import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vectormigrate.model.errors import SignatureWrong, StateError

_SIGNATURE = "signature"
_ALGORITHM = "ed25519"


@dataclass(frozen=True, slots=True)
class Notary:
    """Signs with one key."""

    _key: Ed25519PrivateKey

    @classmethod
    def beside(cls, state: Path) -> Notary:
        """With the key of a state file, which is made when there is none. Raises StateError."""
        path = Path(f"{state}.signing-key")
        try:
            with suppress(FileExistsError):
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()))
            return cls(Ed25519PrivateKey.from_private_bytes(base64.b64decode(path.read_bytes())))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no key"
            raise StateError(f"the signing key {path} cannot be used: {why}") from None

    def sign(self, document: dict[str, Any]) -> dict[str, Any]:
        """The same document with its signature, which covers everything else in it."""
        public = self._key.public_key()
        value = self._key.sign(_canonical(document))
        signature = {
            "algorithm": _ALGORITHM,
            "public_key": _text(public),
            "value": base64.b64encode(value).decode(),
        }
        return {**document, _SIGNATURE: signature}


def check(document: Any, expected: str = "") -> str:
    """The fingerprint of the key that signed this document. Raises SignatureWrong when it has no good signature, or one of
    another key than `expected` (a fingerprint).
    """
    signature = document.get(_SIGNATURE) if isinstance(document, dict) else None
    try:
        assert isinstance(signature, dict)
        public = Ed25519PublicKey.from_public_bytes(base64.b64decode(signature["public_key"], validate=True))
        rest = {name: value for name, value in document.items() if name != _SIGNATURE}
        public.verify(base64.b64decode(signature["value"], validate=True), _canonical(rest))
    except (AssertionError, KeyError, TypeError, ValueError):
        raise SignatureWrong(
            "the document has no signature", hint="it was not made by `report`, or was cut"
        ) from None
    except InvalidSignature:
        raise SignatureWrong("the document was changed after it was signed") from None
    found = fingerprint(public)
    if expected and expected != found:
        raise SignatureWrong(f"the document was signed by another key: {found}", hint=f"expected {expected}")
    return found


def fingerprint(public: Ed25519PublicKey) -> str:
    """What people compare."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(public.public_bytes_raw()).digest()).decode().rstrip(
        "="
    )


def _text(public: Ed25519PublicKey) -> str:
    return base64.b64encode(public.public_bytes_raw()).decode()


def _canonical(document: dict[str, Any]) -> bytes:
    """The same bytes for the same document, however it was written."""
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
