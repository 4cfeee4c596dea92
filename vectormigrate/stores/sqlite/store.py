"""The port over one SQLite file. Statements are made in `rows`, `writes` and `search`; here they get their thread.

Pages are read one ahead, each in a transaction of its own, so a scan of hours never holds back the checkpoint of a
WAL file or a writer of a file without WAL.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import apsw
import sqlite_vec

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, VectorKind
from vectormigrate.model.errors import (
    CollectionExists,
    ConfigInvalid,
    ShapeMismatch,
    Unsupported,
)
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.admission import Admission, check_request
from vectormigrate.stores.base import Content, Endpoint, Page, Range, Store, StoreInfo

from . import followed, likeness, rows, schema, virtual, writes
from .database import Database
from .errors import STORE, no_file
from .search import search
from .table import Flavour, Table, quoted

T = TypeVar("T")

_DEFAULT_TIMEOUT = 30.0
_LONGEST_TIMEOUT = 86_400.0
_WORTH_A_THREAD = 50
"""Records from which on a batch is made ready in a thread, while the writer still waits for the disk with another."""


def path_of(url: str) -> Path:
    """The file of a url: a path, or `sqlite:///relative` and `sqlite:////absolute` as SQLAlchemy writes them."""
    text = re.sub(r"^sqlite:(//(/|$))?", "", url)
    if not text or text.startswith(":memory:"):
        raise ConfigInvalid(
            f"{url!r} is no path of an SQLite file",
            hint="give a path such as ./vectors.db; a database in memory cannot be shared with workers",
        )
    return Path(text).expanduser()


def timeout_of(endpoint: Endpoint) -> float:
    text = endpoint.options.get("timeout", str(_DEFAULT_TIMEOUT))
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= _LONGEST_TIMEOUT:
        raise ConfigInvalid(f"timeout {text!r} is no number of seconds", hint="give a number such as 30")
    return seconds


class SqliteStore(Store):
    """One opening of an SQLite file."""

    def __init__(self, endpoint: Endpoint, capabilities: Capabilities) -> None:
        self.endpoint = endpoint
        self._capabilities = capabilities
        self._database = Database(path_of(endpoint.url), timeout_of(endpoint))
        self._tables: dict[str, tuple[int, Table]] = {}

    @property
    def capabilities(self) -> Capabilities:
        return self._capabilities

    # Looking around.

    async def info(self) -> StoreInfo:
        details = {"sqlite_vec": sqlite_vec.__version__, "path": str(self._database.path)}
        if self._database.exists:
            details["journal_mode"] = await self._database.read(
                lambda connection: str(connection.execute("PRAGMA journal_mode").fetchall()[0][0])
            )
        elif self._database.path.parent.is_dir():
            details["file"] = "not there yet: made when a collection is created"
        else:
            raise ConfigInvalid(
                f"there is no folder {self._database.path.parent}",
                hint="make the folder, or correct the path",
            )
        return StoreInfo(STORE, apsw.sqlite_lib_version(), details)

    def identity(self) -> str:
        path = self._database.path
        if not self._database.exists:
            return f"sqlite:{path.resolve()}"
        file = path.stat()  # not its name: links, hard ones too, lead to the same file
        return f"sqlite:{file.st_dev}:{file.st_ino}"

    async def locate(self, collection: str) -> str:
        return f"{self.identity()}/{collection.lower()}"  # as SQLite compares names

    async def collections(self) -> list[str]:
        if not self._database.exists:
            return []
        return await self._database.read(schema.collections)

    async def describe(self, collection: str) -> CollectionShape:
        return await self._read(collection, lambda _, table: table.shape)

    # Making and unmaking.

    def left_out(self, source: CollectionShape, made: CollectionShape) -> list[str]:
        return likeness.left_out(source, made)

    async def check_create(self, shape: CollectionShape) -> None:
        self._check_makeable(shape)

    async def create(self, shape: CollectionShape) -> CollectionShape:
        self._check_makeable(shape)

        def make(connection: apsw.Connection) -> None:
            taken = "SELECT 1 FROM sqlite_schema WHERE name = ? COLLATE NOCASE"
            beside = [followed.index_name(shape.name)] if followed.is_wanted(shape) else []
            for name in (shape.name, *beside):
                if connection.execute(taken, (name,)).fetchall():
                    raise CollectionExists(
                        f"there is a table {name!r} in {self._database.path} already",
                        store=STORE,
                        collection=shape.name,
                    )
            for statement in schema.create_statements(shape):
                connection.execute(statement)

        await self._database.write(make, shape.name, make=True)
        return await self.describe(shape.name)

    def _check_makeable(self, shape: CollectionShape) -> None:
        if not re.fullmatch(self._capabilities.collection_pattern, shape.name, re.DOTALL):
            raise Unsupported(
                f"{shape.name!r} cannot be the name of a table", store=STORE, collection=shape.name
            )
        for vector in shape.vectors:
            if vector.kind is not VectorKind.SPARSE and not vector.dim:
                raise ShapeMismatch(
                    f"vector {vector.name!r} has no dimension", store=STORE, collection=shape.name
                )
        names = [part.name for part in shape.id.parts or (shape.id,)]
        names += [vector.name for vector in shape.vectors] + [field.name for field in shape.fields]
        folded: dict[str, str] = {}
        for name in names:
            if not re.fullmatch(self._capabilities.name_pattern, name, re.DOTALL):
                raise Unsupported(
                    f"{name!r} cannot be the name of a column", store=STORE, collection=shape.name
                )
            other = folded.setdefault(name.lower(), name)
            if other is not name:
                raise Unsupported(
                    f"{other!r} and {name!r} are the same column to SQLite",
                    hint=f"give one of them another name with --rename {name}=OTHER",
                    store=STORE,
                    collection=shape.name,
                )

        if followed.is_wanted(shape):
            followed.check(shape)

    async def finish_load(self, shape: CollectionShape) -> None:
        def index(connection: apsw.Connection, table: Table) -> None:
            if table.flavour is not Flavour.PLAIN:
                return
            for called, text in likeness.indexes(shape):
                connection.execute(
                    f"CREATE INDEX IF NOT EXISTS {quoted(called)} ON {quoted(shape.name)} ({text})"
                )
            table = self._table(connection, shape.name)
            held = {column.field.name: column.field for column in table.fields}
            for field in shape.fields:
                if field.indexed and field.name in held and not held[field.name].indexed:
                    name = quoted(f"{shape.name}_{field.name}")
                    connection.execute(
                        f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(shape.name)} ({quoted(field.name)})"
                    )

        if any(field.indexed for field in shape.fields) or likeness.indexes(shape):
            await self._write(shape.name, index)
        else:
            await self.describe(shape.name)

    async def drop(self, collection: str) -> None:
        if not self._database.exists:
            return

        def remove(connection: apsw.Connection) -> None:
            found = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ? COLLATE BINARY"
            if not connection.execute(found, (collection,)).fetchall():
                return
            others = []
            if collection == virtual.QORTEX_TABLE and virtual.is_qortex(connection):
                others = [virtual.QORTEX_IDS]
            elif index := followed.beside(connection, collection):
                others = [index.name]
            for name in (collection, *others):
                connection.execute(f"DROP TABLE {quoted(name)}")

        await self._database.write(remove, collection)

    # Reading.

    async def count(self, collection: str) -> int:
        return await self._read(collection, rows.count)

    async def split(self, collection: str, parts: int) -> list[Range]:
        return await self._read(collection, lambda connection, table: rows.split(connection, table, parts))

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        size = limit or self._capabilities.scan_page
        ahead: asyncio.Future[Page | None] | None = self._start_page(collection, span, size, content)
        try:
            while ahead is not None:
                page = await ahead
                ahead = None
                if page is None:
                    return
                # A short page is the last one only as far as we know: what was added behind it belongs to the scan.
                ahead = self._start_page(collection, Range(page.cursor, span.upper), size, content)
                yield page
        finally:
            if ahead is not None:
                await asyncio.wait([ahead])
                # Looked at, so that asyncio does not report a failure that nobody waits for any more.
                _ = ahead.cancelled() or ahead.exception()

    def _start_page(
        self, collection: str, span: Range, size: int, content: Content
    ) -> asyncio.Future[Page | None]:
        def read(connection: apsw.Connection) -> Page | None:
            table = self._table(connection, collection)
            return rows.Reader(table, content).page(connection, span, size)

        return self._database.start_read(read, collection)

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        def read(connection: apsw.Connection, table: Table) -> Batch:
            return rows.Reader(table, content).fetch(connection, ids)

        return await self._read(collection, read)

    async def query(self, collection: str, query: Query) -> list[Match]:
        query.check_plain()
        return await self._read(collection, lambda connection, table: search(connection, table, query))

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        return await self._put(collection, batch, lambda writer: writer.upsert)

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        return await self._put(collection, batch, lambda writer: writer.insert)

    async def _put(
        self,
        collection: str,
        batch: Batch,
        verb: Callable[[writes.Writer], Callable[[list[writes.Row], list[writes.Row]], int]],
    ) -> WriteResult:
        check_request(batch.ids, self._capabilities, collection)
        known = self._tables.get(collection)
        ready: writes.Rows | None = None
        if known is not None and len(batch) >= _WORTH_A_THREAD:
            ready = await asyncio.to_thread(self._rows, known[1], batch)

        def put(connection: apsw.Connection, table: Table) -> WriteResult:
            encoded = ready if ready and known and table is known[1] else self._rows(table, batch)
            done, refused = writes.apply(
                connection, table, batch, encoded, verb(writes.writer(connection, table))
            )
            return WriteResult(done, tuple(refused))

        return await self._write(collection, put)

    def _rows(self, table: Table, batch: Batch) -> writes.Rows:
        """A batch as SQLite takes it, without what the table can never hold."""
        return writes.encode(table, batch, Admission(table.shape, self._capabilities).refusals(batch))

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        check_request(ids, self._capabilities, collection)

        def put(connection: apsw.Connection, table: Table) -> WriteResult:
            admission = Admission(table.shape, self._capabilities)
            fault = admission.payload_fault(payload, whole=False)
            if fault:
                return WriteResult(
                    0, tuple(admission.refusal(row, record_id, fault) for row, record_id in enumerate(ids))
                )
            return writes.patch(connection, table, ids, payload)

        return await self._write(collection, put)

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        check_request(ids, self._capabilities, collection)

        def remove(connection: apsw.Connection, table: Table) -> WriteResult:
            keys = [table.stored_id(record_id) for record_id in ids if table.may_hold(record_id)]
            writes.writer(connection, table).delete(keys)
            return WriteResult(len(ids))

        return await self._write(collection, remove)

    # Ordering.

    async def barrier(self, collection: str, *, position: str = "") -> None:
        """Nothing to wait for: a commit is seen by every transaction that begins later, in any process."""

    async def close(self) -> None:
        await self._database.close()

    # Every job over a table begins by looking at the table as it is now.

    async def _read(self, collection: str, job: Callable[[apsw.Connection, Table], T]) -> T:
        return await self._database.read(
            lambda connection: job(connection, self._table(connection, collection)), collection
        )

    async def _write(self, collection: str, job: Callable[[apsw.Connection, Table], T]) -> T:
        return await self._database.write(
            lambda connection: job(connection, self._table(connection, collection)), collection
        )

    def _table(self, connection: apsw.Connection, collection: str) -> Table:
        """The table, from memory while the schema is the same and nothing about it was guessed from an empty one."""
        version: Any = connection.execute("PRAGMA schema_version").fetchall()[0][0]
        known = self._tables.get(collection)
        if known is not None and known[0] == version:
            return known[1]
        if not self._database.exists:
            raise no_file(str(self._database.path), collection)
        table = schema.load(connection, str(self._database.path), collection, self.endpoint.options)
        if not (table.sampled and rows.is_empty(connection, table)):
            self._tables[collection] = (version, table)
        return table
