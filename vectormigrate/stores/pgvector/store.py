"""The port over PostgreSQL: each method is one unit of work in a thread, one transaction, one attempt."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from psycopg.conninfo import conninfo_to_dict

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, Element, FieldType, IdKind, KeyOrder, Metric
from vectormigrate.model.errors import ShapeMismatch
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.admission import check_request
from vectormigrate.stores.base import Content, Endpoint, Page, Range, Store, StoreInfo

from . import likeness, reading, searching, tables
from .connections import Connection, Connections
from .names import PATTERN, TableName, parse
from .shape import Table, find, load
from .vectors import MAX_SPARSE_DIM, MAX_WEIGHTS
from .writing import Writer

T = TypeVar("T")

CAPABILITIES = Capabilities(
    kind="pgvector",
    id_kinds=frozenset(IdKind) - {IdKind.MIXED},
    key_order=frozenset({KeyOrder.NUMERIC, KeyOrder.BYTES, KeyOrder.UUID}),
    elements=frozenset({Element.FLOAT32, Element.FLOAT16, Element.BINARY}),
    metrics=frozenset(Metric),
    field_types=frozenset(FieldType) - {FieldType.ANY},
    dynamic=True,
    quantises=frozenset({"pgvector:halfvec"}),
    sparse=True,
    max_weights=MAX_WEIGHTS,
    max_sparse_index=MAX_SPARSE_DIM - 1,
    nullable_vectors=True,
    insert_only=True,
    transactional=True,
    nul_in_text=False,
    scan_page=2_000,
    write_batch=10_000,
    max_dim=tables.MAX_DIM,
    max_text_bytes=None,
    max_id_bytes=2_600,
    name_pattern=r"[^\x00]{1,63}",
    collection_pattern=PATTERN,
    reserved_names=frozenset({"tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}),
)
"""What a current pgvector can do; before 0.7 it had no `halfvec` and no `sparsevec`, and `create` says so.

`max_id_bytes`: a key has to fit a third of a page, the B-tree's limit of 2,704 bytes.
"""
_DEFAULT_MEMORY = "512MB"
_LIST = """\
select n.nspname, c.relname, pg_table_is_visible(c.oid)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and not c.relispartition and n.nspname not like 'pg\\_%'
  and n.nspname <> 'information_schema' and has_schema_privilege(n.oid, 'usage')
  and has_table_privilege(c.oid, 'select')
  and exists (select from pg_attribute a join pg_type t on t.oid = a.atttypid where a.attrelid = c.oid
              and not a.attisdropped and (t.typname in ('vector', 'halfvec', 'sparsevec')
                                          or t.typname = 'bit' and a.atttypmod % 8 = 0))
"""


class PgvectorStore(Store):
    """A database. `timeout` bounds each statement but the building of indexes; `maintenance_work_mem` is for those."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._connections = Connections(endpoint)
        self._tables: dict[str, Table] = {}

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def identity(self) -> str:
        known = conninfo_to_dict(self._connections.dsn)
        host, port, name = (known.get(key) or default for key, default in _IDENTITY)
        return f"pgvector:{host}:{port}/{name}"

    async def locate(self, collection: str) -> str:
        return await self._connections.run(
            lambda connection: tables.locate(connection, collection), collection=collection
        )

    async def info(self) -> StoreInfo:
        return await self._connections.run(_info)

    async def collections(self) -> list[str]:
        def work(connection: Connection) -> list[str]:
            rows = connection.execute(_LIST).fetchall()
            return sorted(
                TableName(table, None if visible else schema).text for schema, table, visible in rows
            )

        return await self._connections.run(work)

    async def describe(self, collection: str) -> CollectionShape:
        return (await self._refresh(collection)).shape

    async def check_create(self, shape: CollectionShape) -> None:
        await self._connections.run(
            lambda connection: tables.check_create(connection, shape), collection=shape.name
        )

    def left_out(self, source: CollectionShape, made: CollectionShape) -> list[str]:
        return likeness.left_out(source, made)

    async def create(self, shape: CollectionShape) -> CollectionShape:
        made = await self._connections.run(
            lambda connection: tables.create(connection, shape), collection=shape.name
        )
        return tables.made_shape(made.shape, shape)

    async def finish_load(self, shape: CollectionShape) -> None:
        memory = self.endpoint.options.get("maintenance_work_mem", _DEFAULT_MEMORY)
        await self._connections.run(
            lambda connection: tables.finish_load(connection, shape, memory),
            collection=shape.name,
            patient=True,
        )
        self._tables.pop(shape.name, None)

    async def drop(self, collection: str) -> None:
        def work(connection: Connection) -> None:
            found = find(connection, parse(collection))
            if found is not None:
                connection.execute(f"drop table if exists {found[1].sql}")

        self._tables.pop(collection, None)
        await self._connections.run(work, collection=collection)

    async def count(self, collection: str) -> int:
        return await self._on(collection, reading.count)

    async def split(self, collection: str, parts: int) -> list[Range]:
        return await self._on(collection, lambda connection, table: reading.split(connection, table, parts))

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        size = limit or CAPABILITIES.scan_page
        while True:
            page = await self._page(collection, span, size, content)
            if page is None:
                return
            yield page
            if len(page.batch) < size:
                return
            span = replace(span, lower=page.cursor)

    async def _page(self, collection: str, span: Range, size: int, content: Content) -> Page | None:
        return await self._on(
            collection, lambda connection, table: reading.read_page(connection, table, span, size, content)
        )

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        return await self._on(
            collection, lambda connection, table: reading.fetch(connection, table, ids, content)
        )

    async def query(self, collection: str, query: Query) -> list[Match]:
        query.check_plain()
        return await self._on(
            collection, lambda connection, table: searching.search(connection, table, query)
        )

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        check_request(batch.ids, CAPABILITIES, collection)
        return await self._on(
            collection,
            lambda connection, table: Writer(table, CAPABILITIES).upsert(connection, batch, fresh=fresh),
        )

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        check_request(batch.ids, CAPABILITIES, collection)
        return await self._on(
            collection, lambda connection, table: Writer(table, CAPABILITIES).insert(connection, batch)
        )

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        return await self._on(
            collection, lambda connection, table: Writer(table, CAPABILITIES).patch(connection, ids, payload)
        )

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        return await self._on(
            collection, lambda connection, table: Writer(table, CAPABILITIES).delete(connection, ids)
        )

    async def barrier(self, collection: str, *, position: str = "") -> None:
        """Nothing to wait for: what is committed is seen."""

    async def settle(self) -> float:
        await self._connections.settle()
        return 0.0

    async def close(self) -> None:
        await self._connections.close()

    async def _on(self, collection: str, work: Callable[[Connection, Table], T]) -> T:
        """Run work on a table as the catalog describes it; once more when the table has changed since it was read."""
        known = self._tables.get(collection)
        table = known or await self._refresh(collection)
        try:
            return await self._connections.run(
                lambda connection: work(connection, table), collection=collection
            )
        except ShapeMismatch:
            if known is None:
                raise
        table = await self._refresh(collection)
        return await self._connections.run(lambda connection: work(connection, table), collection=collection)

    async def _refresh(self, collection: str) -> Table:
        self._tables.pop(collection, None)
        table = await self._connections.run(
            lambda connection: load(connection, collection), collection=collection
        )
        # A vector column without a dimension gets it with its first row: until then, look again each time.
        if all(field.dim or column.type_name == "sparsevec" for column, field in table.vectors):
            self._tables[collection] = table
        return table


_IDENTITY = (("host", "localhost"), ("port", "5432"), ("dbname", ""))


def _info(connection: Connection) -> StoreInfo:
    version, recovering, database, user = connection.execute(
        "select current_setting('server_version'), pg_is_in_recovery(), current_database(), current_user"
    ).fetchall()[0]
    held = tables.extension(connection)
    details = {"database": database, "user": user, "role": "standby" if recovering else "primary"}
    extension = ".".join(map(str, held.version)) + " on" if held else "not installed,"
    return StoreInfo("pgvector", f"{extension} PostgreSQL {version}", details)
