"""Our own API, for applications that call us directly instead of by a vendor's: one facade over any front."""

from __future__ import annotations

from .facade import NeutralFacade

__all__ = ["NeutralFacade"]
