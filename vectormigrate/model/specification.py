"""What a migration is asked to do: stored once, so that every later command needs only its id.

Secrets are references (`env:NAME`, `file:PATH`, `command:LINE`, or `${NAME}` inside a URL) and are resolved at
the moment of connecting; no field here ever holds one by value.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import TypeAlias

from .collection import CollectionShape
from .division import WHOLE, Division
from .mapping import MappingOptions, MappingPlan
from .placement import Placement


class Existing(StrEnum):
    """What to do about records that the target already holds."""

    FAIL = "fail"
    """Refuse to start (the default)."""
    SKIP = "skip"
    """Keep theirs: a source record whose id is taken is left out and told."""
    OVERWRITE = "overwrite"
    """Replace theirs, and keep what was there so that a rollback puts it back."""


class Mode(StrEnum):
    """Where the writes come from that happen while records are copied."""

    OFFLINE = "offline"
    """There are none: the source stands still."""
    PROXIED = "proxied"
    """They pass through us."""
    CAPTURED = "captured"
    """The source notes them for us: triggers, or a logical slot."""


@dataclass(frozen=True, slots=True)
class StoreRef:
    """One side of a migration."""

    kind: str
    url: str
    """DSN, URL or path, with secrets as `${NAME}`."""
    collection: str
    api_key: str = ""
    """A reference, never a key."""
    options: dict[str, str] = field(default_factory=dict)
    redact_key: str = ""
    """Of the target: a reference to the key that redacted values are hashed with."""
    placement: Placement | None = None
    """Of a target that is several collections, which is whose; `collection` then stands for all of them."""

    @property
    def collections(self) -> tuple[str, ...]:
        """Every collection that it is."""
        return (self.collection,) if self.placement is None else self.placement.collections


@dataclass(frozen=True, slots=True)
class WayBack:
    """An earlier migration whose target is the source now: its records go back as what they were."""

    of: str
    """Its id."""
    kind: str
    """The kind of store that its source was in."""
    shape: CollectionShape
    """Of its source."""
    plan: MappingPlan
    """By which they came."""


@dataclass(frozen=True, slots=True)
class Specification:
    """One migration as it was asked for."""

    id: str
    source: StoreRef
    target: StoreRef
    mapping: MappingOptions = field(default_factory=MappingOptions)
    existing: Existing = Existing.FAIL
    batch_size: int = 100
    """Most records of one write, 1 to 10,000."""
    max_retries: int = 3
    """Attempts of a batch after the first."""
    validate_every: int = 10
    """Compare a sample of what was just copied after each so many batches; 0 for never."""
    workers: int = 0
    """Worker processes; 0 is one a core."""
    quarantine: float = 60.0
    """Seconds after which no request of a dead process can still land (T_z)."""
    max_rate: float = 0.0
    """Records a second, all workers and replays together; 0 is no limit."""
    bandwidth: float = 0.0
    """Bytes of records a second, all workers together; 0 is no limit."""
    nice_ratio: float = 0.0
    """How many times as long as a batch took its worker rests behind it."""
    throttle_hold: bool = False
    """Copy and compare nothing, because somebody said so."""
    throttle_target_latency: float = 0.0
    """Mean seconds of a write to the target beyond which copies and comparisons wait; 0 for never, as with all of these."""
    throttle_source_latency: float = 0.0
    """The same of the source: of the application's requests where they pass through us, of our own reads elsewhere."""
    throttle_target_429s: int = 0
    """Answers within half a minute by which the target asked for less."""
    throttle_cpu: float = 0.0
    """Processor time of this process, in cores."""
    throttle_backlog: int = 10_000
    """Records whose replay is due."""
    throttle_lag: float = 0.0
    """Seconds that the record waits which waits longest for its replay."""
    throttle_file: str = ""
    """As long as there is a file of this name."""
    throttle_url: str = ""
    """As long as this does not answer HEAD with 2xx."""
    throttle_window: str = ""
    """Hours (`model.schedule`) outside of which they wait."""
    critical_source_latency: float = 0.0
    """Mean seconds, of the same as `throttle_source_latency`, beyond which the migration ends and waits for a person."""
    approval: tuple[str, ...] = ()
    """Steps that wait until somebody approves of them: of `phase.STEPS`."""
    mode: Mode = Mode.OFFLINE
    division: Division = WHOLE
    """What makes the parts of a migration of several. Its source's collection holds them, or lists their patterns; its
    target's has `{name}` in it. None of one that is split while it is in use: see `StoreRef.placement`.
    """
    back: WayBack | None = None
    """The migration of which this is the way back."""

    @property
    def splits(self) -> bool:
        """Whether its one collection is to be split while it is in use, into what is still to be found out."""
        # Namespaces and tenants are collections to whoever writes to them; a request to Milvus names the collection in any case.
        by_partition = bool(self.division.partitions) and self.source.kind == "milvus"
        return self.mode is not Mode.OFFLINE and (bool(self.division.value_of) or by_partition)

    @property
    def divided(self) -> Division:
        """The division that was asked for, however it is done."""
        return self.division or (WHOLE if self.target.placement is None else self.target.placement.division)


Lever: TypeAlias = float | int | str | bool
"""A value that can be set while a migration runs."""


@dataclass(frozen=True, slots=True)
class Levers:
    """What of a specification was set otherwise since it was asked for; None is as it was asked for."""

    max_rate: float | None = None
    bandwidth: float | None = None
    nice_ratio: float | None = None
    workers: int | None = None
    batch_size: int | None = None
    validate_every: int | None = None
    max_retries: int | None = None
    throttle_hold: bool | None = None
    throttle_target_latency: float | None = None
    throttle_source_latency: float | None = None
    throttle_target_429s: int | None = None
    throttle_cpu: float | None = None
    throttle_backlog: int | None = None
    throttle_lag: float | None = None
    throttle_file: str | None = None
    throttle_url: str | None = None
    throttle_window: str | None = None
    critical_source_latency: float | None = None

    @property
    def given(self) -> dict[str, Lever]:
        """Those that were set, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def over(self, asked: Specification) -> Specification:
        """The specification with these in place of what was asked for."""
        return replace(asked, **self.given)  # type: ignore[arg-type] # names and types are those of its fields


def in_force(now: Specification) -> dict[str, Lever]:
    """Every lever as it stands, by name."""
    return {one.name: getattr(now, one.name) for one in fields(Levers)}
