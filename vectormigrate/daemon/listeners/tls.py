"""TLS of a listener: a certificate to show, and, for mutual TLS, the authorities that a client's must come from."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from vectormigrate.model.errors import ConfigInvalid


@dataclass(frozen=True, slots=True)
class Tls:
    """Files, read whenever a context is made."""

    certificate: Path
    """With its chain, as PEM."""
    key: Path
    client_ca: Path | None = None
    """Set: who connects shows a certificate of one of these authorities, or is refused before the first request."""

    def context(self, *, http2: bool) -> ssl.SSLContext:
        """What to accept with: TLS 1.2 or later. Raises ConfigInvalid that names the file."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["h2", "http/1.1"] if http2 else ["http/1.1"])
        try:
            context.load_cert_chain(self.certificate, self.key, password=_no_password)
        except (OSError, ValueError) as error:
            raise _unusable(f"certificate {self.certificate} with key {self.key}", error) from None
        if self.client_ca is not None:
            try:
                context.load_verify_locations(self.client_ca)
            except OSError as error:
                raise _unusable(f"authorities in {self.client_ca}", error) from None
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _no_password() -> str:
    """Instead of a question at the terminal of a daemon."""
    raise ValueError("the key is encrypted")


def _unusable(what: str, error: OSError | ValueError) -> ConfigInvalid:
    why = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    return ConfigInvalid(
        f"the {what} cannot be used for TLS: {why}", hint="PEM files, the key without a password"
    )
