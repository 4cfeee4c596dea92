"""The way back of a migration that a state file knows: from where it went to where it came from, by its own plan."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from vectormigrate.model.errors import MappingRefused, UsageError
from vectormigrate.model.inverse import obstacles
from vectormigrate.model.specification import Specification, WayBack
from vectormigrate.state import migrations
from vectormigrate.state.database import Reader


def went(state: Path, migration_id: str) -> tuple[Specification, WayBack]:
    """What a migration was asked for, and the way back of it.

    Raises UnknownMigration, UsageError for one that has not begun or has several parts, MappingRefused where what went cannot come back.
    """
    with closing(Reader(state)) as reader:
        found = reader.read(lambda tx: migrations.get(tx, migration_id))
    if found.specification.division:
        raise UsageError(
            f"migration {migration_id!r} has several parts, and the way back is gone one part at a time",
            hint=f"name a part; they are in: vectormigrate status {migration_id}",
        )
    if found.specification.target.placement is not None:
        raise UsageError(
            f"migration {migration_id!r} has split its collection while it was in use, and there is no way back of it but `revert`",
            hint="migrate each collection as any other, without --back-of",
        )
    if found.mapping is None or found.source_shape is None:
        raise UsageError(
            f"migration {migration_id!r} has not begun, so there is no way back of it",
            hint=f"see where it is: vectormigrate status {migration_id}",
        )
    if lost := obstacles(found.mapping, found.source_shape):
        raise MappingRefused(
            f"what went with {migration_id!r} cannot come back as it was: {'; '.join(lost)}",
            hint="migrate the collection as any other, without --back-of",
        )
    spec = found.specification
    return spec, WayBack(migration_id, spec.source.kind, found.source_shape, found.mapping)
