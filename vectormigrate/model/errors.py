"""The one error tree: what happened, to what, whether a retry can help, and what to do next.

Nothing above a store's border knows a vendor's exception: adapters translate into these classes, and
the command line turns `exit_code` into the code of the process. Every class has a unique `code`, which
is part of the `--json` contract, and says `retryable` itself; a message is one sentence in lower case.
"""

from __future__ import annotations

from typing import Any, ClassVar


class VectormigrateError(Exception):
    """Base of everything foreseen. `code` is stable, `retryable` says whether the same call may succeed later."""

    code: ClassVar[str] = "error"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        store: str = "",
        collection: str = "",
        ids: tuple[str, ...] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.store = store
        self.collection = collection
        self.ids = ids
        """Canonical id texts (`model.record.id_text`), at most a handful."""
        self.retry_after = retry_after
        """Seconds that the vendor asked us to wait; None when it did not say."""

    def as_dict(self) -> dict[str, object]:
        """The `--json` form: the same keys for every error, empty ones left out but for the first three."""
        document: dict[str, object] = {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
        }
        for key in ("hint", "store", "collection", "ids", "retry_after"):
            value = getattr(self, key)
            if value:
                document[key] = value
        return document


# What the caller asked for cannot be meant.


class UsageError(VectormigrateError):
    """A flag, a combination of flags or a value that cannot be meant."""

    code = "usage"
    exit_code = 2


class SignatureWrong(VectormigrateError):
    """A signed document is not as it was signed, or not by whom it should be."""

    code = "signature_wrong"


class ConfigInvalid(UsageError):
    """The configuration file, or a variable it names, cannot be used."""

    code = "config_invalid"


class UnknownMigration(UsageError):
    """No migration of that id in this state file."""

    code = "unknown_migration"


class MigrationExists(UsageError):
    """The id is taken by a migration with other settings."""

    code = "migration_exists"


class MappingRefused(UsageError):
    """The plan would lose something that nobody accepted by name."""

    code = "mapping_refused"


# Who asks.


class Unauthorized(VectormigrateError):
    """No key, or one that opens nothing."""

    code = "unauthorized"
    exit_code = 6


class WrongKey(Unauthorized):
    """A key was shown that opens nothing: unknown, revoked or expired."""

    code = "wrong_key"


class Forbidden(VectormigrateError):
    """The key is good but does not allow this, or the request comes from where none may come from."""

    code = "forbidden"
    exit_code = 6


class RequestRefused(VectormigrateError):
    """A request that HTTP has a status for: no such path, too large, not JSON, changed meanwhile."""

    code = "request_refused"
    exit_code = 2

    def __init__(self, message: str, *, status: int = 400, **words: Any) -> None:
        super().__init__(message, **words)
        self.status = status


class RateLimited(VectormigrateError):
    """Too many requests in too short a time; nothing was done."""

    code = "rate_limited"
    retryable = True
    exit_code = 5


# The state file.


class StateError(VectormigrateError):
    """The state file cannot be used as it is."""

    code = "state"


class StateLocked(StateError):
    """Another process owns the state file."""

    code = "state_locked"
    retryable = True
    exit_code = 7


class StateNewer(StateError):
    """The state file was written by a newer version."""

    code = "state_newer"
    exit_code = 2


class StateMissing(StateError):
    """There is no state file of that name, or nothing in it yet."""

    code = "state_missing"
    exit_code = 2


class StateBroken(StateError):
    """The state file is not one of ours, or is damaged."""

    code = "state_broken"


class StateFull(StateError):
    """The disk of the state file is full or failing; nothing was half-written."""

    code = "state_full"
    retryable = True


# Phases.


class PhaseError(VectormigrateError):
    """A move that the phase does not allow."""

    code = "phase"
    exit_code = 4


class IllegalTransition(PhaseError):
    """The table of phases has no such move; the message names both phases."""

    code = "illegal_transition"


class GateRefused(PhaseError):
    """A condition for the move is not met; the message says which."""

    code = "gate_refused"


class Stopped(GateRefused):
    """Somebody stopped it before its end, and nothing is proved; the same again may come to it."""

    code = "stopped"
    retryable = True


class TargetNotEmpty(GateRefused):
    """The target holds records and no policy for them was given."""

    code = "target_not_empty"


class Overloaded(VectormigrateError):
    """The source answers more slowly than was called critical; the copy ended, and goes on when somebody resumes it."""

    code = "overloaded"
    exit_code = 5


class OutputFailed(VectormigrateError):
    """What a command found could not be printed; what it did is done."""

    code = "output_failed"


class FinishedWithFindings(VectormigrateError):
    """Everything that can be copied was, and the two sides differ all the same; resumable once that is mended."""

    code = "finished_with_findings"
    exit_code = 3


# Stores.


class StoreError(VectormigrateError):
    """A store answered with an error, or did not answer."""

    code = "store"


class Unreachable(StoreError):
    """Refused, no route, name or TLS failure *before* the first byte of the request: not applied."""

    code = "unreachable"
    retryable = True
    exit_code = 5


class Throttled(StoreError):
    """The store asked us to slow down; the request was not applied."""

    code = "throttled"
    retryable = True
    exit_code = 5


class Unresolved(StoreError):
    """Timeout or reset after the request left: it may have been applied, or may still be."""

    code = "unresolved"
    retryable = True
    exit_code = 5


class StoreDown(StoreError):
    """The store answered that it cannot work now (starting, read-only, no space, 5xx)."""

    code = "store_down"
    retryable = True
    exit_code = 5


class AuthenticationFailed(StoreError):
    """Wrong or missing credentials."""

    code = "authentication"
    exit_code = 6


class PermissionDenied(StoreError):
    """The credentials are good but do not allow this."""

    code = "permission"
    exit_code = 6


class CollectionMissing(StoreError):
    """No such collection, table or index."""

    code = "collection_missing"
    exit_code = 2


class CaptureMissing(StoreError):
    """Nothing tells us of the changes of a collection: no capture is installed."""

    code = "capture_missing"
    exit_code = 4


class CaptureTaken(StoreError):
    """Another reader takes the changes of a collection: one that read them too would leave both with a part of them."""

    code = "capture_taken"
    exit_code = 4


class CollectionExists(StoreError):
    """A collection of that name is already there."""

    code = "collection_exists"
    exit_code = 2


class ShapeMismatch(StoreError):
    """Dimension, metric, key or field of the two sides do not fit."""

    code = "shape_mismatch"
    exit_code = 2


class Unsupported(StoreError):
    """The store cannot do this at all; its capabilities say so."""

    code = "unsupported"
    exit_code = 2


class StoreBroken(StoreError):
    """The store's answer or data cannot be read: not what its interface promises."""

    code = "store_broken"


class RecordRefused(StoreError):
    """One record that the store will never take: too large, wrong dimension, NaN, a NUL byte, an id that does
    not fit. Ends in the dead letters.
    """

    code = "record_refused"


def error_from_dict(document: dict[str, Any]) -> VectormigrateError:
    """Invert `as_dict`, across a pipe or the network; an unknown code becomes the base class."""
    fields = {key: document[key] for key in ("hint", "store", "collection", "retry_after") if key in document}
    found = _by_code(VectormigrateError).get(document["code"], VectormigrateError)
    return found(document["message"], ids=tuple(document.get("ids", ())), **fields)


def _by_code(root: type[VectormigrateError]) -> dict[str, type[VectormigrateError]]:
    known = {root.code: root}
    for child in root.__subclasses__():
        known |= _by_code(child)
    return known
