"""Every endpoint that Pinecone documents, what happens to it, and the way from a request to its row.

The names of the control plane stand under `Plane.CONTROL`: the two planes have hosts and shapes of errors of their
own, and paths that never meet, so one address can serve both. An action is what `serving` and gRPC call the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from urllib.parse import unquote

from vectormigrate.stores.facade import Decision, Endpoint


class Plane(Enum):
    """Which of Pinecone's two servers an endpoint belongs to."""

    DATA = auto()
    CONTROL = auto()


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint and what it is called here."""

    endpoint: Endpoint
    plane: Plane
    action: str


_EMBEDS = "embedding and reranking are done by Pinecone's own models"
_DOCUMENTS = "documents are searched and shown by a schema that only Pinecone keeps"
_IMPORTS = "an import writes records that pass nobody on their way"
_COPIES = "a copy of a whole index is made by Pinecone, from records that only it holds"
_RESTORES = "a restored index holds records that pass nobody on their way"


def _data(method: str, path: str, decision: Decision, action: str = "", why: str = "") -> Route:
    return Route(Endpoint(method, path, decision, why), Plane.DATA, action)


def _control(method: str, path: str, decision: Decision, action: str = "", why: str = "") -> Route:
    return Route(Endpoint(method, path, decision, why), Plane.CONTROL, action)


_F, _S, _C, _R = Decision.FORWARD, Decision.SERVE, Decision.CAPTURE, Decision.REFUSE

REST = (
    # Records.
    _data("POST", "/vectors/upsert", _C, "upsert"),
    _data("POST", "/vectors/update", _C, "update"),
    _data("POST", "/vectors/delete", _C, "delete"),
    _data("DELETE", "/vectors/delete", _C, "delete"),  # the same with its fields in the query
    _data("GET", "/vectors/fetch", _S, "fetch"),
    _data("POST", "/vectors/fetch_by_metadata", _S, "fetch_by_metadata"),
    _data("GET", "/vectors/list", _S, "list"),
    _data("POST", "/query", _S, "query"),
    _data("POST", "/describe_index_stats", _S, "stats"),
    _data("GET", "/describe_index_stats", _S, "stats"),
    # Namespaces.
    _data("GET", "/namespaces", _S, "list_namespaces"),
    _data("POST", "/namespaces", _C, "create_namespace"),
    _data("GET", "/namespaces/{namespace}", _S, "describe_namespace"),
    _data("DELETE", "/namespaces/{namespace}", _C, "delete_namespace"),
    # Texts that Pinecone embeds.
    _data("POST", "/records/namespaces/{namespace}/upsert", _C, "records", _EMBEDS),
    _data("POST", "/records/namespaces/{namespace}/search", _F, why=_EMBEDS),
    # Documents.
    _data("POST", "/namespaces/{namespace}/documents/upsert", _C, "documents", _DOCUMENTS),
    _data("POST", "/namespaces/{namespace}/documents/update", _C, "documents", _DOCUMENTS),
    _data("POST", "/namespaces/{namespace}/documents/delete", _C, "documents", _DOCUMENTS),
    _data("POST", "/namespaces/{namespace}/documents/search", _F, why=_DOCUMENTS),
    _data("POST", "/namespaces/{namespace}/documents/fetch", _F, why=_DOCUMENTS),
    _data("POST", "/namespaces/{namespace}/documents/list", _F, why=_DOCUMENTS),
    # Imports.
    _data("POST", "/bulk/imports", _R, why=_IMPORTS),
    _data("GET", "/bulk/imports", _F, why=_IMPORTS),
    _data("GET", "/bulk/imports/{id}", _F, why=_IMPORTS),
    _data("DELETE", "/bulk/imports/{id}", _F, why=_IMPORTS),
    # Indexes.
    _control("GET", "/indexes", _S, "list_indexes"),
    _control("POST", "/indexes", _C, "create_index"),
    _control("POST", "/indexes/create-for-model", _F, why=_EMBEDS),
    _control("GET", "/indexes/{index_name}", _S, "describe_index"),
    _control("PATCH", "/indexes/{index_name}", _C, "configure_index"),
    _control("DELETE", "/indexes/{index_name}", _C, "delete_index"),
    # Copies.
    _control("GET", "/indexes/{index_name}/backups", _F, why=_COPIES),
    _control("POST", "/indexes/{index_name}/backups", _F, why=_COPIES),
    _control("GET", "/indexes/{index_name}/backup-schedules", _F, why=_COPIES),
    _control("POST", "/indexes/{index_name}/backup-schedules", _F, why=_COPIES),
    _control("GET", "/backup-schedules/{schedule_id}", _F, why=_COPIES),
    _control("PATCH", "/backup-schedules/{schedule_id}", _F, why=_COPIES),
    _control("DELETE", "/backup-schedules/{schedule_id}", _F, why=_COPIES),
    _control("GET", "/backup-schedules/{schedule_id}/history", _F, why=_COPIES),
    _control("GET", "/backups", _F, why=_COPIES),
    _control("GET", "/backups/{backup_id}", _F, why=_COPIES),
    _control("DELETE", "/backups/{backup_id}", _F, why=_COPIES),
    _control("POST", "/backups/{backup_id}/create-index", _R, "restore", _RESTORES),
    _control("GET", "/restore-jobs", _F, why=_RESTORES),
    _control("GET", "/restore-jobs/{job_id}", _F, why=_RESTORES),
    _control("GET", "/collections", _F, why=_COPIES),
    _control("POST", "/collections", _F, why=_COPIES),
    _control("GET", "/collections/{collection_name}", _F, why=_COPIES),
    _control("DELETE", "/collections/{collection_name}", _F, why=_COPIES),
    # Models.
    _control("POST", "/embed", _F, why=_EMBEDS),
    _control("POST", "/rerank", _F, why=_EMBEDS),
    _control("GET", "/models", _F, why=_EMBEDS),
    _control("GET", "/models/{model_name}", _F, why=_EMBEDS),
)

_METHODS = {
    "Upsert": (_C, "upsert"),
    "Update": (_C, "update"),
    "Delete": (_C, "delete"),
    "CreateNamespace": (_C, "create_namespace"),
    "DeleteNamespace": (_C, "delete_namespace"),
    "Fetch": (_S, "fetch"),
    "FetchByMetadata": (_S, "fetch_by_metadata"),
    "List": (_S, "list"),
    "Query": (_S, "query"),
    "DescribeIndexStats": (_S, "stats"),
    "ListNamespaces": (_S, "list_namespaces"),
    "DescribeNamespace": (_S, "describe_namespace"),
}

GRPC = {
    f"/VectorService/{name}": _data("RPC", f"/VectorService/{name}", decision, action)
    for name, (decision, action) in _METHODS.items()
}

ENDPOINTS = tuple(route.endpoint for route in (*REST, *GRPC.values()))

Values = dict[str, str]

_FIXED = {(route.endpoint.method, route.endpoint.path): (route, Values()) for route in REST}
_BY_LENGTH: dict[tuple[str, int], list[tuple[list[str], Route]]] = {}
for _route in REST:
    if "{" in _route.endpoint.path:
        _parts = _route.endpoint.path.split("/")
        _BY_LENGTH.setdefault((_route.endpoint.method, len(_parts)), []).append((_parts, _route))


def undocumented(method: str, path: str) -> Route:
    """The row that an endpoint which nobody described would have."""
    return _data(method, path, Decision.FORWARD, why="no description of it is known")


def find(method: str, path: str) -> tuple[Route, Values] | None:
    """The route of a request and the values in its path, decoded; None for what is not documented."""
    fixed = _FIXED.get((method, path))
    if fixed is not None:
        return fixed
    parts = path.split("/")
    for wanted, route in _BY_LENGTH.get((method, len(parts)), ()):
        if all(want == part or want[:1] == "{" for want, part in zip(wanted, parts, strict=True)):
            return route, dict(_values(wanted, parts))
    return None


def _values(wanted: list[str], parts: list[str]) -> Iterator[tuple[str, str]]:
    for want, part in zip(wanted, parts, strict=True):
        if want[:1] == "{":
            yield want[1:-1], unquote(part)
