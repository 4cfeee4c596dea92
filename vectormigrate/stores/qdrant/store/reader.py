"""Records out of a collection: pages by id, records by id, counts, samples of ids, searches.

Pages and look-ups go by gRPC where there is a port for it, everything else by REST. The surprises: a page starts *at*
its offset, so to go on behind a record is to start at the next id that could exist; and gRPC makes doubles of integers
from 2^63 on, so answers with such numbers are asked for again by REST.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import msgspec

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import CollectionMissing, StoreBroken
from vectormigrate.model.join import joined
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import RecordId, SparseVector
from vectormigrate.stores.place import RequestTooLarge
from vectormigrate.stores.qdrant.ids import (
    PointId,
    is_point_id,
    read_id,
    read_message_id,
    write_id,
    write_message_id,
)
from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.wire import messages, points
from vectormigrate.stores.qdrant.wire.columns import floats_of
from vectormigrate.stores.qdrant.wire.payloads import Doubtful
from vectormigrate.stores.qdrant.wire.points import WirePoint

from .catalog import Catalog, Opened
from .link import path_of

_PAGE_BYTES = 32 * 2**20
"""What an answer is meant to weigh at most, vectors alone."""


class _Scrolled(msgspec.Struct):
    points: list[WirePoint]
    next_page_offset: msgspec.Raw = msgspec.Raw(b"null")


class _ScrollAnswer(msgspec.Struct):
    result: _Scrolled


class _FetchAnswer(msgspec.Struct):
    result: list[WirePoint]


_SCROLL = msgspec.json.Decoder(_ScrollAnswer)
_FETCH = msgspec.json.Decoder(_FetchAnswer)


class Reader:
    """Reads. Blocking; safe to share between threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._link = catalog.link

    def count(self, name: str) -> int:
        answer = self._ask(name, "points/count", {"exact": True})
        return int(answer["count"])

    def page(
        self,
        name: str,
        start: PointId | None,
        limit: int,
        *,
        bare: bool = False,
        where: dict[str, Any] | None = None,
    ) -> tuple[Batch, bool]:
        """Records from the id `start` on, at most `limit`, and whether there may be more; `bare` reads only ids."""
        opened = self._catalog.opened(name)
        size = min(limit, opened.page_limit)
        if not bare:
            size = max(1, min(size, _PAGE_BYTES // row_bytes(opened)))
        while True:
            try:
                return self._scroll(opened, start, size, bare, where)
            except RequestTooLarge:
                if size == 1:
                    raise
                size //= 2
            except CollectionMissing:
                self._catalog.forget(name)
                raise

    def _scroll(
        self, opened: Opened, start: PointId | None, size: int, bare: bool, where: dict[str, Any] | None
    ) -> tuple[Batch, bool]:
        if self._link.fast and where is None:
            with suppress(Doubtful):
                return self._scroll_messages(opened, start, size, bare)
        return self._scroll_json(opened, start, size, bare, where)

    def _scroll_messages(
        self, opened: Opened, start: PointId | None, size: int, bare: bool
    ) -> tuple[Batch, bool]:
        request = points_pb2.ScrollPoints(
            collection_name=opened.shape.name,
            limit=size,
            with_payload=points_pb2.WithPayloadSelector(enable=not bare),
            with_vectors=points_pb2.WithVectorsSelector(enable=not bare),
            read_consistency=self._consistency(),
        )
        if start is not None:
            request.offset.CopyFrom(write_message_id(start))
        answer = self._call("Scroll", request, points_pb2.ScrollResponse)
        batch = self._read_messages(answer.result, opened, bare)
        return batch, answer.HasField("next_page_offset")

    def _scroll_json(
        self, opened: Opened, start: PointId | None, size: int, bare: bool, where: dict[str, Any] | None
    ) -> tuple[Batch, bool]:
        body: dict[str, Any] = {"limit": size, "with_payload": not bare, "with_vector": not bare}
        if start is not None:
            body["offset"] = write_id(start)
        if where is not None:
            body["filter"] = where
        answer = self._decode(_SCROLL, self._read(opened.shape.name, "points/scroll", body), opened)
        return self._read_json(answer.points, opened, bare), bytes(answer.next_page_offset) != b"null"

    def fetch(self, name: str, ids: Sequence[RecordId], *, bare: bool = False) -> Batch:
        opened = self._catalog.opened(name)
        wanted = [record_id for record_id in ids if is_point_id(record_id)]
        size = max(1, len(wanted) if bare else min(len(wanted), _PAGE_BYTES // row_bytes(opened)))
        parts = [wanted[start : start + size] for start in range(0, max(len(wanted), 1), size)]
        batch = joined([self._look_up(opened, part, bare) for part in parts])
        rows = {record_id: row for row, record_id in enumerate(batch.ids)}
        order = [rows[record_id] for record_id in wanted if record_id in rows]
        return batch if order == list(range(len(batch))) else batch.take(order)

    def _look_up(self, opened: Opened, ids: Sequence[RecordId], bare: bool) -> Batch:
        """The records of these ids as they come, in any order."""
        try:
            if self._link.fast:
                with suppress(Doubtful):
                    return self._get_messages(opened, ids, bare)
            body = {"ids": [*map(write_id, ids)], "with_payload": not bare, "with_vector": not bare}
            raw = self._read(opened.shape.name, "points", body)
            return self._read_json(self._decode(_FETCH, raw, opened), opened, bare)
        except CollectionMissing:
            self._catalog.forget(opened.shape.name)
            raise

    def _get_messages(self, opened: Opened, ids: Sequence[RecordId], bare: bool) -> Batch:
        request = points_pb2.GetPoints(
            collection_name=opened.shape.name,
            ids=map(write_message_id, ids),
            with_payload=points_pb2.WithPayloadSelector(enable=not bare),
            with_vectors=points_pb2.WithVectorsSelector(enable=not bare),
            read_consistency=self._consistency(),
        )
        return self._read_messages(self._call("Get", request, points_pb2.GetResponse).result, opened, bare)

    def sample(self, name: str, count: int) -> list[PointId]:
        """Ids of up to `count` records drawn at random, by the server."""
        size = min(count, self._catalog.opened(name).page_limit)
        body = {"query": {"sample": "random"}, "limit": size, "with_payload": False, "with_vector": False}
        answer = self._ask(name, "points/query", body)
        return [read_id(point["id"]) for point in answer["points"]]

    def query(self, name: str, query: Query, where: dict[str, Any] | None) -> list[Match]:
        opened = self._catalog.opened(name)
        vector = query.vector
        body: dict[str, Any] = {
            "query": points.write_sparse(vector) if isinstance(vector, SparseVector) else floats_of(vector),
            "limit": query.limit,
            "params": {"exact": query.exact},
            "with_payload": query.with_record,
            "with_vector": query.with_record,
        }
        if query.using:
            body["using"] = query.using
        if where is not None:
            body["filter"] = where
        found = self._decode(_SCROLL, self._read(name, "points/query", body), opened).points
        batch = self._read_json(found, opened, not query.with_record)
        return [
            Match(batch.ids[row], point.score, batch.record(row) if query.with_record else None)
            for row, point in enumerate(found)
        ]

    def asked(self, name: str, query: Query, words: Mapping[str, Any] | bytes) -> list[Match]:
        """What a query in its client's own words finds: members of a REST body, or the bytes of a `QueryPoints`."""
        if isinstance(words, bytes):
            request = points_pb2.QueryPoints.FromString(words)
            request.collection_name, request.limit = name, query.limit
            request.with_payload.enable = False
            request.read_consistency.CopyFrom(self._consistency())
            found = self._call("Query", request, points_pb2.QueryResponse).result
            scores: dict[RecordId, float] = {read_message_id(point.id): point.score for point in found}
        else:
            bare = {"limit": query.limit, "with_payload": False, "with_vector": False}
            told = self._ask(name, "points/query", {**words, **bare})["points"]
            scores = {read_id(point["id"]): point["score"] for point in told}
        if not query.with_record:
            return [Match(one, score) for one, score in scores.items()]
        return [
            Match(record.id, scores[record.id], record) for record in self.fetch(name, list(scores)).records()
        ]

    # Asking.

    def _ask(self, name: str, path: str, body: dict[str, Any]) -> Any:
        return msgspec.json.decode(self._read(name, path, body))["result"]

    def _read(self, name: str, path: str, body: dict[str, Any]) -> bytes:
        whole = f"{path_of(name, path)}?consistency={self._link.consistency}"
        return self._link.rest("POST", whole, points.dump(body), collection=name)

    def _call(self, method: str, request: Any, answer: Any) -> Any:
        return self._link.call(
            method, request.SerializeToString(), answer, collection=request.collection_name
        )

    def _consistency(self) -> Any:
        given = self._link.consistency
        if given.isdecimal():
            return points_pb2.ReadConsistency(factor=int(given))
        return points_pb2.ReadConsistency(type=points_pb2.ReadConsistencyType.Value(given.capitalize()))

    def _decode(self, decoder: Any, raw: bytes, opened: Opened) -> Any:
        try:
            return decoder.decode(raw).result
        except msgspec.DecodeError as error:
            raise self._broken(opened, error) from None

    def _read_messages(self, found: Sequence[Any], opened: Opened, bare: bool) -> Batch:
        try:
            return messages.read_points(found, opened.shape.vectors, bare=bare, answer=True)
        except ValueError as error:
            raise self._broken(opened, error) from None

    def _read_json(self, found: Sequence[WirePoint], opened: Opened, bare: bool) -> Batch:
        try:
            if bare:
                return Batch([*map(points.read_point_id, found)], {}, [{} for _ in found])
            return points.read_points(found, opened.shape.vectors)
        except ValueError as error:
            raise self._broken(opened, error) from None

    def _broken(self, opened: Opened, error: Exception) -> StoreBroken:
        """What came does not fit what the collection was: ask anew the next time."""
        self._catalog.forget(opened.shape.name)
        return StoreBroken(
            f"qdrant sent a record that does not fit the collection: {error}",
            hint="if its vectors were changed meanwhile, start again",
            store=f"qdrant {self._link.address.name}",
            collection=opened.shape.name,
        )


def row_bytes(opened: Opened) -> int:
    """About what a record weighs on the wire, payload aside."""
    return 200 + sum(4 * (vector.dim or 100) for vector in opened.shape.vectors)
