"""`migrate vec`, as users of qortex know it: all vectors of one of its places into another, found by its own variables.

Two ways in. `move` is for places by name and is a whole offline migration, whose state is thrown away with its folder:
mapped, made where it lacks, compared at the end. `migrate_vec` is for objects of a caller, ours or any with `iter_all`, `add`
and `persist`, and copies one batch after the other.
"""

from __future__ import annotations

import inspect
import logging
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import numpy as np

from vectormigrate.model.batch import Batch, dense_column
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, VectorField
from vectormigrate.model.documents import MigrateResult
from vectormigrate.model.errors import CollectionMissing, UsageError
from vectormigrate.model.events import Event, Progress
from vectormigrate.model.specification import Existing, Specification, StoreRef
from vectormigrate.stores.base import EVERYWHERE, Store

from .control import Control
from .foreseeing import plan
from .secrets import Literal, Secrets, StoreKey, key, seal

logger = logging.getLogger(__name__)

KINDS = ("sqlite", "pgvector", "memory")
_COLLECTIONS = {"sqlite": "vec_index", "pgvector": "qortex_vectors", "memory": "vectors"}
_FILE = "~/.qortex/vectors.db"
_MOST = 10_000
_ID = "vec"
OnProgress = Callable[[int, int], None]


def check_batch_size(batch_size: int) -> int:
    """As it is, or UsageError: 0 and less never end, or copy nothing."""
    if not 1 <= batch_size <= _MOST:
        raise UsageError(f"batch_size must be a whole number from 1 to {_MOST:,}, not {batch_size}")
    return batch_size


def place(kind: str, environ: Mapping[str, str]) -> StoreRef:
    """Where a kind of store is, as qortex finds it. Raises UsageError for an unknown kind."""
    kind = "memory" if kind == "numpy" else kind
    if kind not in KINDS:
        raise UsageError(f"there is no place of the kind {kind[:80]!r}", hint=f"kinds: {', '.join(KINDS)}")
    urls: dict[str, Callable[[Mapping[str, str]], str]] = {"sqlite": _file, "pgvector": _dsn}
    return StoreRef(kind, urls[kind](environ) if kind in urls else "", _COLLECTIONS[kind])


def _file(environ: Mapping[str, str]) -> str:
    given = environ.get("QORTEX_VEC_PATH") or _FILE.replace("~", environ.get("HOME", "~"), 1)
    return str(Path(given).expanduser().absolute())


def _dsn(environ: Mapping[str, str]) -> str:
    given = environ.get("PGVECTOR_DSN")
    if given:
        return given

    def part(name: str, default: str) -> str:
        return quote_plus(environ.get(f"PGVECTOR_{name}") or default)

    user, database = f"{part('USER', 'qortex')}:{part('PASSWORD', 'qortex')}", part("DB", "qortex")
    return f"postgresql://{user}@{part('HOST', 'localhost')}:{part('PORT', '5432')}/{database}"


def destination(wanted: str | None, environ: Mapping[str, str]) -> str:
    """The kind that vectors go to: the one asked for, or that of QORTEX_VEC. Raises UsageError when neither says."""
    kind = wanted or environ.get("QORTEX_VEC")
    if not kind:
        raise UsageError(
            "where to is not said", hint="give --to (dest_type, in a request), or set QORTEX_VEC"
        )
    return kind


async def move(
    source: str, target: str, *, batch_size: int, dry_run: bool, environ: Mapping[str, str]
) -> MigrateResult:
    """Copy everything. Repeatable: what is there is replaced. Raises UsageError, and what the stores raise."""
    check_batch_size(batch_size)
    refs = [place(kind, environ) for kind in (source, target)]
    if (refs[0].kind, refs[0].url) == (refs[1].kind, refs[1].url):
        raise UsageError("source and destination are the same", hint="name another destination")
    sealed = [seal(ref) for ref in refs]
    literals: dict[StoreKey, Literal] = {
        key(one.ref): one.literal for one in sealed if one.literal is not None
    }
    secrets = Secrets(literals, environ)
    spec = Specification(
        _ID, sealed[0].ref, sealed[1].ref, existing=Existing.OVERWRITE, batch_size=batch_size, quarantine=0.0
    )
    logger.info(
        "vec.migrate.start source=%s dest=%s batch_size=%d dry_run=%s", source, target, batch_size, dry_run
    )
    began = time.monotonic()
    try:
        read, written, batches = await (_foresee if dry_run else _copy)(spec, secrets)
    except CollectionMissing:
        if refs[0].kind != "memory":
            raise
        read = written = batches = 0  # nothing was put into this memory
    seconds = round(time.monotonic() - began, 3)
    logger.info("vec.migrate.complete vectors_read=%d vectors_written=%d batches=%d", read, written, batches)
    return MigrateResult(refs[0].kind, refs[1].kind, batches, read, written, seconds, dry_run)


async def _foresee(spec: Specification, secrets: Secrets) -> tuple[int, int, int]:
    seen = await plan(spec, secrets)
    return seen.source_count, 0, seen.batches


async def _copy(spec: Specification, secrets: Secrets) -> tuple[int, int, int]:
    with tempfile.TemporaryDirectory(prefix="vectormigrate-vec-") as folder:
        async with Control.open(Path(folder) / "state.db", secrets=secrets, on_event=_told) as control:
            await control.create(spec)
            done = await control.run(spec.id)
    refused = done.dead_letters
    return done.copied + refused, done.copied, done.batches


def _told(event: Event) -> None:
    if isinstance(event, Progress) and event.work == "backfill":
        logger.info("vec.migrate.batch vectors_read=%d", event.done)


# Objects of a caller.


async def migrate_vec(
    source: Any,
    destination: Any,
    *,
    batch_size: int = 500,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> MigrateResult:
    """Copy all vectors of one object into another, replacing what is there.

    Both are stores of ours (with one collection, or qortex's), or have `iter_all(batch_size)`, giving ids and embeddings,
    `add(ids, embeddings)` and `persist()`. Metadata moves too when both are stores. `on_progress` gets what is done and how
    much there is. Raises UsageError for a batch size below 1, and for a source that is its own destination.
    """
    check_batch_size(batch_size)
    if source is destination:
        raise UsageError("source and destination are the same", hint="name another destination")
    giving, taking = await _side(source), await _side(destination)
    total = await giving.total()
    began = time.monotonic()
    read = written = batches = 0
    async with aclosing(giving.pieces(batch_size)) as pieces:
        async for piece in pieces:
            read += len(piece.ids)
            batches += 1
            if not dry_run:
                written += await taking.take(_distinct(piece))
            logger.info("vec.migrate.batch batch=%d vectors_read=%d", batches, read)
            if on_progress is not None:
                on_progress(read, read if total is None else max(total, read))
    if not dry_run:
        await taking.persist()
    seconds = round(time.monotonic() - began, 3)
    return MigrateResult(giving.name, taking.name, batches, read, written, seconds, dry_run)


def _distinct(piece: Batch) -> Batch:
    """The last of each id: a store takes an id once a batch."""
    rows = list({one: row for row, one in enumerate(piece.ids)}.values())
    return piece if len(rows) == len(piece.ids) else piece.take(rows)


_VECTOR = "embedding"


def _batch(ids: Sequence[Any], embeddings: Any) -> Batch:
    vectors = [np.asarray(one, np.float32) for one in embeddings]
    width = len(vectors[0]) if vectors else 0
    column = dense_column(vectors, width=width, dtype=np.dtype(np.float32))
    return Batch(list(ids), {_VECTOR: column}, [{} for _ in ids])


async def _side(given: Any) -> _Duck | _Stored:
    if not isinstance(given, Store):
        return _Duck(given)
    names = await given.collections()
    usual = _COLLECTIONS.get(given.endpoint.kind, "")
    if len(names) > 1 and usual not in names:
        raise UsageError(f"the {given.endpoint.kind} store holds {len(names)} collections: which is not said")
    return _Stored(given, usual if usual in names or not names else names[0])


class _Duck:
    """Any object with the three methods, plain or async."""

    def __init__(self, given: Any) -> None:
        self._given = given
        self.name = type(given).__name__

    async def total(self) -> int | None:
        return len(self._given) if hasattr(self._given, "__len__") else None

    async def pieces(self, batch_size: int) -> AsyncGenerator[Batch, None]:
        found = self._given.iter_all(batch_size=batch_size)
        if hasattr(found, "__aiter__"):
            async for ids, embeddings in found:
                yield _batch(ids, embeddings)
        else:
            for ids, embeddings in found:
                yield _batch(ids, embeddings)

    async def take(self, piece: Batch) -> int:
        await _awaited(self._given.add(list(piece.ids), [list(map(float, row)) for row in _rows(piece)]))
        return len(piece.ids)

    async def persist(self) -> None:
        await _awaited(self._given.persist())


class _Stored:
    """One collection of a store of ours."""

    def __init__(self, store: Store, collection: str) -> None:
        self._store = store
        self._collection = collection
        self._shape: CollectionShape | None = None
        self.name = store.endpoint.kind

    async def total(self) -> int | None:
        return await self._store.count(self._collection)

    async def pieces(self, batch_size: int) -> AsyncGenerator[Batch, None]:
        async with aclosing(self._store.scan(self._collection, EVERYWHERE, limit=batch_size)) as pages:
            async for page in pages:
                yield page.batch

    async def take(self, piece: Batch) -> int:
        shape = self._shape = self._shape or await self._ready(piece)
        (vector,) = (one.name for one in shape.vectors)
        told = Batch(list(piece.ids), {vector: next(iter(piece.vectors.values()))}, piece.payload)
        return (await self._store.upsert(self._collection, told)).acknowledged

    async def _ready(self, piece: Batch) -> CollectionShape:
        try:
            return await self._store.describe(self._collection)
        except CollectionMissing:
            width = len(_rows(piece)[0])
            kind = IdKind.INT if isinstance(piece.ids[0], int) else IdKind.TEXT
            field = VectorField(_VECTOR, dim=width)
            return await self._store.create(
                CollectionShape(self._collection, IdField("id", kind), (field,), dynamic=True)
            )

    async def persist(self) -> None:
        if self._shape is not None:
            await self._store.finish_load(self._shape)


def _rows(piece: Batch) -> Any:
    return next(iter(piece.vectors.values())).values


async def _awaited(result: Any) -> None:
    if inspect.isawaitable(result):
        await result
