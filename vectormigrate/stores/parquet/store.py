"""The port over a folder of snapshots. Files are read and written in `snapshot`; here they get their thread.

One thread a store: what it is asked is done in that order, so a write whose caller went away is over before the next one.
A write after the load was finished goes into the log like any other; `finish_load`, or closing a store on the side that is
written to, folds it in, so that a finished snapshot is again nothing but its parts.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import CollectionExists, CollectionMissing, ConfigInvalid, Unsupported
from vectormigrate.model.identity import misfit
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.admission import Admission, check_request
from vectormigrate.stores.base import Content, Endpoint, Page, Range, Store, StoreInfo
from vectormigrate.stores.creation import as_made

from . import manifest, snapshot
from .errors import FOREIGN, STORE, missing, translate
from .snapshot import Snapshot

T = TypeVar("T")


def path_of(url: str) -> Path:
    """The folder of a url: a path, or `file:///absolute`."""
    text = re.sub(r"^file:(//)?", "", url)
    if not text:
        raise ConfigInvalid(f"{url!r} is no folder", hint="give a path such as ./snapshots")
    return Path(text).expanduser()


class ParquetStore(Store):
    """One opening of a folder of snapshots."""

    def __init__(self, endpoint: Endpoint, capabilities: Capabilities) -> None:
        self.endpoint = endpoint
        self._capabilities = capabilities
        self._folder = path_of(endpoint.url)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="parquet")
        self._open: dict[str, Snapshot] = {}
        self._written: set[str] = set()

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    # Looking around.

    async def info(self) -> StoreInfo:
        details = {"path": str(self._folder)}
        if not self._folder.is_dir():
            if not self._folder.parent.is_dir():
                raise ConfigInvalid(
                    f"there is no folder {self._folder.parent}", hint="make the folder, or correct the path"
                )
            details["folder"] = "not there yet: made with the first snapshot"
        return StoreInfo(STORE, pa.__version__, details)

    def identity(self) -> str:
        return f"parquet:{self._folder.resolve()}"

    async def collections(self) -> list[str]:
        def look() -> list[str]:
            if not self._folder.exists():
                return []
            return sorted(path.parent.name for path in self._folder.glob(f"[!.]*/{manifest.NAME}"))

        return await self._in_thread(look, "")

    async def describe(self, collection: str) -> CollectionShape:
        return await self._read(collection, lambda snapshot: snapshot.shape)

    # Making and unmaking.

    async def check_create(self, shape: CollectionShape) -> None:
        as_made(shape, self._capabilities)

    async def create(self, shape: CollectionShape) -> CollectionShape:
        made = as_made(shape, self._capabilities)

        def make() -> None:
            try:
                snapshot.create(self._folder / made.name, made)
            except OSError:
                if (self._folder / made.name).exists():
                    raise _exists(self._folder, made.name) from None
                raise

        await self._in_thread(make, made.name)
        return made

    async def finish_load(self, shape: CollectionShape) -> None:
        await self._read(shape.name, Snapshot.fold)
        self._written.discard(shape.name)

    async def drop(self, collection: str) -> None:
        def remove() -> None:
            self._open.pop(collection, None)
            if (self._folder / collection / manifest.NAME).exists():
                snapshot.drop(self._folder / collection)

        await self._in_thread(remove, collection)
        self._written.discard(collection)

    # Reading.

    async def count(self, collection: str) -> int:
        return await self._read(collection, Snapshot.count)

    async def split(self, collection: str, parts: int) -> list[Range]:
        cuts = await self._read(collection, lambda snapshot: snapshot.cuts(parts))
        edges = [None, *(self.cursor_of(one) for one in cuts), None]
        return [Range(lower, upper) for lower, upper in pairwise(edges)]

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        size = limit or self._capabilities.scan_page
        while True:
            batch = await self._read(collection, lambda snapshot: snapshot.page(span, size, content))  # noqa: B023 awaited here
            if not len(batch):
                return
            span = Range(self.cursor_of(batch.ids[-1]), span.upper)
            yield Page(batch, self.cursor_of(batch.ids[-1]))

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        return await self._read(
            collection, lambda snapshot: snapshot.fetch(self._sound(snapshot, ids), content)
        )

    async def query(self, collection: str, query: Query) -> list[Match]:
        await self.describe(collection)
        raise Unsupported(
            "a snapshot cannot be searched",
            hint="import it into a store that can",
            store=STORE,
            collection=collection,
        )

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        return await self._put(collection, batch, Snapshot.put)

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        return await self._put(collection, batch, Snapshot.insert)

    async def _put(
        self, collection: str, batch: Batch, verb: Callable[[Snapshot, Batch], int]
    ) -> WriteResult:
        check_request(batch.ids, self._capabilities, collection)

        def put(snapshot: Snapshot) -> WriteResult:
            refused = Admission(snapshot.shape, self._capabilities).refusals(batch)
            lost = {refusal.row for refusal in refused}
            admitted = batch.take([row for row in range(len(batch)) if row not in lost]) if lost else batch
            return WriteResult(verb(snapshot, admitted), tuple(refused))

        return await self._write(collection, put)

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        check_request(ids, self._capabilities, collection)

        def put(snapshot: Snapshot) -> WriteResult:
            admission = Admission(snapshot.shape, self._capabilities)
            fault = admission.payload_fault(payload, whole=False)
            if fault:
                refused = (admission.refusal(row, one, fault) for row, one in enumerate(ids))
                return WriteResult(0, tuple(refused))
            snapshot.patch(self._sound(snapshot, ids), payload)
            return WriteResult(len(ids))

        return await self._write(collection, put)

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        check_request(ids, self._capabilities, collection)

        def remove(snapshot: Snapshot) -> WriteResult:
            snapshot.remove(self._sound(snapshot, ids))
            return WriteResult(len(ids))

        return await self._write(collection, remove)

    def _sound(self, snapshot: Snapshot, ids: Sequence[RecordId]) -> list[RecordId]:
        """Those of the ids that the collection could hold: only they can be put in its order."""
        return [one for one in ids if not misfit(one, snapshot.shape.id, self._capabilities)]

    # Ordering.

    async def barrier(self, collection: str, *, position: str = "") -> None:
        """Nothing to wait for: a file is seen once it has its name, by every process. But whoever asks stands on the side that
        is written to, and so brings in what a process that was killed left of the log.
        """
        self._written.add(collection)

    async def close(self) -> None:
        try:
            for collection in sorted(self._written):
                with suppress(CollectionMissing):
                    await self._read(collection, _fold_again)
            self._written.clear()
        finally:
            self._open.clear()
            await asyncio.to_thread(self._thread.shutdown)

    # Every job over a snapshot begins by looking at its folder as it is now.

    async def _write(self, collection: str, job: Callable[[Snapshot], T]) -> T:
        self._written.add(collection)
        return await self._read(collection, job)

    async def _read(self, collection: str, job: Callable[[Snapshot], T]) -> T:
        return await self._in_thread(lambda: self._over(collection, job), collection)

    async def _in_thread(self, job: Callable[[], T], collection: str) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, job)
        except FOREIGN as error:
            place = str(self._folder / collection)
            raise translate(error, place, collection) from None

    def _over(self, collection: str, job: Callable[[Snapshot], T]) -> T:
        """Do it; again when files went away under it, as they do when another process folds."""
        for last in (False, True):
            try:
                return job(self._snapshot(collection))
            except FileNotFoundError:
                self._open.pop(collection, None)
                if not (self._folder / collection / manifest.NAME).exists():
                    raise missing(str(self._folder), collection) from None
                if last:
                    raise
        raise AssertionError("the second time returns or raises")

    def _snapshot(self, collection: str) -> Snapshot:
        found = self._open.get(collection)
        if found is None:
            found = self._open[collection] = Snapshot(self._folder / collection)
        found.refresh()
        return found


def _fold_again(snapshot: Snapshot) -> None:
    """Bring in what was written after the load was finished; one that is not goes on growing."""
    if snapshot.manifest.complete:
        snapshot.fold()


def _exists(folder: Path, collection: str) -> CollectionExists:
    return CollectionExists(
        f"there is a snapshot {collection!r} in {folder} already",
        hint="give another folder, or another name with --target-index",
        store=STORE,
        collection=collection,
    )
