"""A plan that can be held to: a digest of what was asked for, what was found and what follows, by which a migration starts or not.

Counts of the source are not in it, because a source in use always has other ones; how to get into a store is not either.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import msgspec

from vectormigrate.engine.preflight import Preflight
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import GateRefused, UsageError
from vectormigrate.model.specification import Specification
from vectormigrate.model.status import PlanDocument

from .specify import settings_of

_SAID = {
    "asked": "what was asked for",
    "source": "the shape of the source",
    "target": "the target",
    "mapping": "the mapping",
}
"""What a digest is of, one part each, so that it can be said which of them has changed."""
_LENGTH = 16


def digest(spec: Specification, found: Preflight) -> str:
    """Of the plan of one collection."""
    return _joined(
        {
            "asked": (spec.id, settings_of(spec)),
            "source": _lasting(found.source),
            "target": (found.existing and _lasting(found.existing), found.target_count),
            "mapping": replace(found.mapping, target=_lasting(found.mapping.target)),
        }
    )


def digest_of_parts(parts: Iterable[PlanDocument]) -> str:
    """Of the plan of a migration of several parts."""
    each = [_taken_apart(part.digest) for part in parts]
    return _joined({name: [one[name] for one in each] for name in _SAID})


def hold(promised: str | None, document: PlanDocument) -> None:
    """Raise GateRefused unless the plan is the one of that digest; None promises nothing. Raises UsageError for what is none."""
    if not promised:
        return
    then, now = _taken_apart(promised), _taken_apart(document.digest)
    changed = [said for name, said in _SAID.items() if then[name] != now[name]]
    if changed:
        raise GateRefused(
            f"the plan is no longer what it was: {' and '.join(changed)} changed since",
            hint=f"nothing was begun; look at it anew: vectormigrate plan {document.migration_id}",
        )


def _lasting(shape: CollectionShape) -> CollectionShape:
    """Without what comes and goes while nothing changes."""
    return replace(shape, native={}, partitions=())


def _joined(parts: dict[str, Any]) -> str:
    return ".".join(f"{name}-{_hashed(value)}" for name, value in parts.items())


def _hashed(value: Any) -> str:
    told = msgspec.json.encode(value, enc_hook=str, order="deterministic")
    return hashlib.sha256(told).hexdigest()[:_LENGTH]


def _taken_apart(text: str) -> dict[str, str]:
    parts = dict(piece.partition("-")[::2] for piece in text.split("."))
    if parts.keys() != _SAID.keys():
        raise UsageError(f"{text[:80]!r} is no digest of a plan", hint="`plan --json` tells it as `digest`")
    return parts
