"""The official client's local mode, a second implementation by the vendor, asked by the bodies of REST requests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qdrant_client import QdrantClient, models


class LocalQdrant:
    """Collections in memory."""

    def __init__(self) -> None:
        self._client = QdrantClient(":memory:")

    def fill(self, name: str, settings: Mapping[str, Any], points: Sequence[Mapping[str, Any]]) -> None:
        """Make a collection as `PUT /collections/{name}` would, and fill it."""
        given = models.CreateCollection.model_validate(settings)
        self._client.create_collection(
            name, vectors_config=given.vectors or {}, sparse_vectors_config=given.sparse_vectors
        )
        self._client.upsert(name, [models.PointStruct.model_validate(one) for one in points])

    def ask(self, name: str, path: str, body: Mapping[str, Any]) -> Any:
        """The result of a `POST /collections/{name}/{path}`."""
        return _plain(_ASK[path](self._client, name, body))

    def close(self) -> None:
        self._client.close()


def _plain(told: Any) -> Any:
    if isinstance(told, list):
        return [_plain(one) for one in told]
    return told.model_dump(mode="json", exclude_none=True)


def _shared(given: Any) -> dict[str, Any]:
    return {
        "query": given.query,
        "using": given.using,
        "prefetch": given.prefetch,
        "query_filter": given.filter,
        "with_payload": False if given.with_payload is None else given.with_payload,
        "with_vectors": given.with_vector or False,
        "score_threshold": given.score_threshold,
    }


def _query(client: QdrantClient, name: str, body: Mapping[str, Any]) -> Any:
    given = models.QueryRequest.model_validate(body)
    return client.query_points(name, **_shared(given), limit=given.limit or 10, offset=given.offset)


def _groups(client: QdrantClient, name: str, body: Mapping[str, Any]) -> Any:
    given = models.QueryGroupsRequest.model_validate(body)
    return client.query_points_groups(
        name,
        given.group_by,
        **_shared(given),
        limit=given.limit or 10,
        group_size=given.group_size or 3,
    )


def _scroll(client: QdrantClient, name: str, body: Mapping[str, Any]) -> Any:
    given = models.ScrollRequest.model_validate(body)
    points, _ = client.scroll(
        name, given.filter, given.limit or 10, given.order_by, with_payload=given.with_payload is not False
    )
    return points


def _facet(client: QdrantClient, name: str, body: Mapping[str, Any]) -> Any:
    given = models.FacetRequest.model_validate(body)
    return client.facet(name, given.key, given.filter, given.limit or 10)


def _matrix(client: QdrantClient, name: str, body: Mapping[str, Any]) -> Any:
    given = models.SearchMatrixRequest.model_validate(body)
    return client.search_matrix_offsets(name, given.filter, given.limit or 3, given.sample or 10, given.using)


_ASK: dict[str, Callable[[QdrantClient, str, Mapping[str, Any]], Any]] = {
    "points/query": _query,
    "points/query/groups": _groups,
    "points/scroll": _scroll,
    "points/search/matrix/offsets": _matrix,
    "facet": _facet,
}
