"""One snapshot: a folder with its parts, sorted and final, and a log of what was written since.

    _manifest.json     its shape, its parts with their digests, and up to where the log is in them
    part-00000.parquet records in key order; with the load finished all of them, and nothing else is a part of it
    _log/              files of the log, none once the load is finished

A read sees the parts with the log over them. `fold` writes new parts of both and puts another manifest in place, which is
what makes them count; whoever is killed before leaves files that nothing names, and the next fold removes them.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from heapq import merge
from itertools import islice
from pathlib import Path
from uuid import uuid4

import vectormigrate
from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.points import reached
from vectormigrate.model.record import Payload, RecordId, parse_id
from vectormigrate.stores.base import Content, Range

from . import manifest as manifests
from .columns import to_batch, to_table
from .files import Files, Place
from .folding import write_parts
from .log import FOLDER, Log
from .manifest import Manifest, Part
from .order import Order
from .parts import Parts

_LOCK = ".lock"


def create(folder: Path, shape: CollectionShape) -> None:
    """Make an empty snapshot, whole or not at all. Raises OSError (ENOTEMPTY, EEXIST) when there is one."""
    folder.parent.mkdir(exist_ok=True)
    new = folder.parent / f".{uuid4().hex}"
    (new / FOLDER).mkdir(parents=True)
    (new / _LOCK).touch()
    manifests.write(new, Manifest(shape, written_by=f"vectormigrate {vectormigrate.__version__}"))
    try:
        new.rename(folder)
    except OSError:
        shutil.rmtree(new)
        raise
    manifests.sync_folder(folder.parent)


def drop(folder: Path) -> None:
    """Remove a snapshot; one that is not there is no error."""
    old = folder.parent / f".{uuid4().hex}"
    try:
        folder.rename(old)
    except FileNotFoundError:
        return
    shutil.rmtree(old)


class Snapshot:
    """One snapshot, as one thread sees it. Raises FileNotFoundError when its files go while it reads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: tuple[int, ...] = ()
        self._look()

    def refresh(self) -> None:
        """See what is there now: another manifest, and what was added to the log."""
        self._look()
        self._log.catch_up()

    def _look(self) -> None:
        found = (self._folder / manifests.NAME).stat()
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen == self._seen:
            return
        self.manifest = manifests.read(self._folder)
        key = self.manifest.shape.id
        self._order = Order(key.kind)
        self._files = Files(self._folder, key)
        self._parts = Parts(self.manifest, self._files, self._order)
        self._log = Log(self._folder, key, self._files, self._order, self.manifest.folded)
        self._seen = seen

    @property
    def shape(self) -> CollectionShape:
        return self.manifest.shape

    # Reading.

    def count(self) -> int:
        """All records."""
        hidden = len(self._parts.find(self._log.ids)) if self.manifest.parts else 0
        return self.manifest.records - hidden + sum(1 for _ in self._log.after(None, None))

    def page(self, span: Range, limit: int, content: Content) -> Batch:
        """The first records of a range in key order, at most `limit`."""
        lower = None if span.lower is None else parse_id(span.lower)
        upper = None if span.upper is None else parse_id(span.upper)
        return self._batch(list(islice(self._records(lower, upper), limit)), content)

    def fetch(self, ids: Sequence[RecordId], content: Content) -> Batch:
        """The records that are there, in the order asked for."""
        places = self._find(ids)
        return self._batch([(one, places[one]) for one in ids if one in places], content)

    def cuts(self, ranges: int) -> list[RecordId]:
        """Ids, fewer than `ranges`, that cut the records into ranges of about equal size."""
        logged = ((one, 1) for one, _ in self._log.after(None, None))
        weights = list(merge(self._parts.weights(ranges), logged, key=lambda pair: self._order.of(pair[0])))
        total = sum(weight for _, weight in weights)
        cuts: list[RecordId] = []
        before = 0
        for one, weight in weights[:-1]:
            before += weight
            if before * ranges >= total * (len(cuts) + 1):
                cuts.append(one)
        return cuts[: ranges - 1]

    def _records(self, lower: RecordId | None, upper: RecordId | None) -> Iterator[tuple[RecordId, Place]]:
        old = (found for found in self._parts.after(lower, upper) if found[0] not in self._log)
        return merge(old, self._log.after(lower, upper), key=lambda pair: self._order.of(pair[0]))

    def _find(self, ids: Sequence[RecordId]) -> dict[RecordId, Place]:
        logged = {one: place for one in ids if (place := self._log.get(one)) is not None}
        rest = sorted((one for one in ids if one not in self._log), key=self._order.of)
        return logged | self._parts.find(rest)

    def _batch(self, found: list[tuple[RecordId, Place]], content: Content) -> Batch:
        ids = [one for one, _ in found]
        if content is Content.IDS:
            return Batch(ids, payload=[{} for _ in ids])
        if not found:
            return to_batch(to_table(Batch([]), self.shape), self.shape)
        return to_batch(self._files.gather([place for _, place in found]), self.shape)

    # Writing.

    def put(self, batch: Batch) -> int:
        """Write these records, each over the one of its id; how many."""
        if len(batch):
            table = to_table(batch, self.shape)
            with self._alone():
                self._log.put(table)
        return len(batch)

    def insert(self, batch: Batch) -> int:
        """Write those whose id is not there; how many."""
        with self._alone():
            held = self._find(batch.ids)
            rows = [row for row, one in enumerate(batch.ids) if one not in held]
            if rows:
                self._log.put(to_table(batch.take(rows), self.shape))
        return len(rows)

    def patch(self, ids: Sequence[RecordId], payload: Payload) -> None:
        """Set keys of the payloads of those that are there."""
        with self._alone():
            held = self.fetch(ids, Content.FULL)
            if len(held):
                patched = replace(held, payload=[old | payload for old in held.payload])
                self._log.put(to_table(patched, self.shape))

    def remove(self, ids: Sequence[RecordId]) -> None:
        """Remove those that are there."""
        with self._alone():
            held = list(self._find(ids))
            if held:
                self._log.remove(held)

    def fold(self) -> None:
        """Bring everything into the parts, and say that it is there. Does nothing that is already done."""
        with self._alone():
            parts, last = self.manifest.parts, self._log.last
            if last > self.manifest.folded:
                parts = self._rewritten()
                reached("snapshot.folded")
            elif self.manifest.complete:
                return
            rows = sum(part.rows for part in parts)
            new = replace(self.manifest, complete=True, records=rows, parts=parts, folded=last)
            manifests.write(self._folder, new)
            reached("snapshot.finished")
            self._sweep(new)

    def _rewritten(self) -> tuple[Part, ...]:
        """New parts of all that is there, beside the old ones."""
        aside = self._folder / ".fold"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        parts = tuple(
            write_parts(aside, self.manifest.next_part, self.shape, self._records(None, None), self._files)
        )
        for part in parts:
            (aside / part.file).rename(self._folder / part.file)
        aside.rmdir()
        manifests.sync_folder(self._folder)
        return parts

    def _sweep(self, new: Manifest) -> None:
        """Remove the files that the manifest does not name any more, and what was left by those who were killed."""
        named = {part.file for part in new.parts}
        for path in self._folder.glob("part-*.parquet"):
            if path.name not in named:
                path.unlink()
        self._log.sweep()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """The only writer, of all processes, with everything seen that others wrote."""
        with (self._folder / _LOCK).open("r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self.refresh()
            yield
