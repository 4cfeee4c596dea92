"""What was set of a migration while it ran: laid over what it was asked for, in the transaction that writes down who did it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import msgspec

from vectormigrate.model.specification import Levers

from . import audit
from .database import Transaction


def read(text: str | None) -> Levers:
    """Levers as a row holds them, if there is one."""
    return msgspec.json.decode(text, type=Levers) if text else Levers()


def get(tx: Transaction, migration_id: str) -> Levers:
    """What was set of a migration."""
    return read(tx.execute("SELECT given FROM lever WHERE migration_id = ?", (migration_id,)).get)


def put(
    tx: Transaction,
    migration_id: str,
    changes: Mapping[str, Any],
    *,
    at: str,
    by: str = "",
    asked: bool = True,
) -> None:
    """Set these, None being as it was asked for; the others stay. `asked`: by name, and not only as a part of another."""
    before = get(tx, migration_id)
    after = replace(before, **changes)
    told = msgspec.json.encode(after.given).decode()
    tx.execute("INSERT OR REPLACE INTO lever (migration_id, given) VALUES (?, ?)", (migration_id, told))
    if asked:
        was = msgspec.json.encode(before.given).decode()
        audit.record(tx, migration_id, "set", at=at, before=was, after=told, actor=by)
