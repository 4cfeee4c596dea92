"""Rows of the table for snapshots: other words for `migrate`, with a folder on one side. Over the network one asks for that."""

from __future__ import annotations

from vectormigrate.daemon.api_settings import REMOTE
from vectormigrate.daemon.live_settings import FOLLOW, MODE
from vectormigrate.daemon.setting import Setting
from vectormigrate.daemon.settings import DRY_RUN, MIGRATE, SIDES

from .command import Command, Effect, Example, Positional

_OFFLINE = tuple(setting for setting in MIGRATE if setting is not MODE)
_POSITIONALS = (
    Positional("id", "Id of the migration that it makes."),
    Positional("folder", "The folder; snapshots are folders in it."),
)


def _side(side: str, other: str) -> tuple[Setting, ...]:
    """The settings of one side, and the name on the other."""
    return tuple(
        one
        for one in SIDES
        if one.name == side or one.name.startswith(f"{side}-") or one.name == f"{other}-index"
    )


SNAPSHOTS: tuple[Command, ...] = (
    Command(
        name="export",
        summary="Copy a collection into a folder of Parquet files that anybody can read.",
        details="It is a migration into a store of type parquet: it can be killed and resumed, validated and rolled back by its"
        " id, and what it wrote can be imported bit for bit.",
        positionals=_POSITIONALS,
        settings=(*_side("source", "target"), *_OFFLINE, DRY_RUN, FOLLOW, *REMOTE),
        result="MigrationStatus",
        effect=Effect.CHANGES,
        examples=(
            Example(
                "export docs-2024 ./snapshots --source-type sqlite --source-url old.db --source-index documents",
                "into ./snapshots/documents",
            ),
            Example(
                "export docs-2024 ./snapshots --source old --source-index documents --dry-run", "first look"
            ),
        ),
        handler="snapshots:out",
    ),
    Command(
        name="import",
        summary="Copy a snapshot out of a folder of Parquet files into a store.",
        details="The folder that holds the snapshot, or the snapshot's own; with several in it --source-index names one.",
        positionals=_POSITIONALS,
        settings=(*_side("target", "source"), *_OFFLINE, DRY_RUN, FOLLOW, *REMOTE),
        result="MigrationStatus",
        effect=Effect.CHANGES,
        examples=(
            Example(
                "import docs-again ./snapshots/documents --target-type pgvector"
                " --target-url postgresql://app@localhost/search",
                "into a collection of the same name",
            ),
        ),
        handler="snapshots:into",
    ),
)
