"""What a validation is asked for: words that pass from whoever asks to whoever compares without being looked at on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from .errors import GateRefused, UsageError
from .phase import Phase

FINAL_SAMPLE = 1_000
"""Records compared before a migration is called verified, where not all of them are."""


class Comparing(TypedDict, total=False):
    """What is left out is None, false or none of it: then 100 records, chosen at random, are compared."""

    full: bool
    """Every record of both sides."""
    ids: Sequence[str]
    """These records of the source, in place of a sample: as findings name them (`id_text`), or as their value alone."""
    sample_size: int | None
    seed: int | None
    threshold: float | None
    """Least cosine of two vectors that passes."""
    searches: int | None
    """So many searches on both sides, besides."""
    least_recall: float | None
    """Share of the source's answers that the target has to give."""


SAMPLED = 100
"""Records that are compared where nothing is said."""


def check_meant(how: Comparing) -> None:
    """Raise UsageError for ids together with everything."""
    if how.get("ids") and how.get("full"):
        raise UsageError(
            "some records by their ids, or every record: one of both", hint="leave out --ids or --full"
        )


def check_comparable(migration_id: str, phase: Phase, *, planned: bool) -> None:
    """Raise GateRefused where there is nothing to compare, or no more."""
    if not planned or phase in (Phase.ROLLING_BACK, Phase.ROLLED_BACK):
        raise GateRefused(
            f"migration {migration_id!r} is {phase}: there is nothing to compare",
            hint="" if planned else f"copy first: `vectormigrate resume {migration_id}`",
        )
    if phase is Phase.COMMITTED:
        raise GateRefused(
            f"migration {migration_id!r} is committed: what is written since is in the target alone, and what"
            " differs from the source would say nothing",
            hint=f"`vectormigrate report {migration_id}` tells of the last comparison before",
        )
