"""Every endpoint of Qdrant 1.19, REST and gRPC, and what happens to its requests; and the way from a path to its row.

Handlers are found by the name of the operation, which both transports share. The surprise: a request that stands in
no row is passed on all the same, as a read when its method is safe, and as a write that may have done anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from vectormigrate.stores.facade import Decision
from vectormigrate.stores.routing import SAFE, Paths, Route

FORWARD, SERVE, CAPTURE, REFUSE = Decision.FORWARD, Decision.SERVE, Decision.CAPTURE, Decision.REFUSE


@dataclass(frozen=True, slots=True)
class Found:
    """Where a request goes: its row, and the values that stood in its path."""

    route: Route
    values: tuple[str, ...] = ()

    @property
    def collection(self) -> str | None:
        """The collection that it is about; None for the whole server."""
        about_one = self.route.path.startswith("/collections/{") or not self.route.known
        return (self.values[0] or None) if about_one else None


_OWN = "it tells of Qdrant's own insides"
_FILES = "a snapshot is a file of Qdrant's own"
_NO_ALIAS = "no store but Qdrant has aliases"
_FIXED = "vectors of a collection stay as they were made"
_RESTORES = "it brings records in past the proxy"
_MOVES = "it moves or removes whole shards past the proxy"

_C = "/collections/{collection}"
_P = _C + "/points"
_S = _C + "/shards/{shard}"

_REST: tuple[tuple[str, str, Decision, str, str], ...] = (
    # The server.
    ("GET", "/", SERVE, "version", ""),
    ("GET", "/healthz", SERVE, "health", ""),
    ("GET", "/livez", SERVE, "health", ""),
    ("GET", "/readyz", SERVE, "health", ""),
    ("GET", "/telemetry", SERVE, "telemetry", ""),
    ("GET", "/metrics", FORWARD, "metrics", _OWN),
    ("GET", "/issues", FORWARD, "issues", _OWN),
    ("DELETE", "/issues", FORWARD, "clear_issues", _OWN),
    ("GET", "/quotas", FORWARD, "quotas", _OWN),
    ("PUT", "/quotas", FORWARD, "set_quotas", _OWN),
    ("GET", "/cluster", FORWARD, "cluster", _OWN),
    ("GET", "/cluster/telemetry", FORWARD, "cluster_telemetry", _OWN),
    ("POST", "/cluster/recover", REFUSE, "recover_cluster", _RESTORES),
    ("DELETE", "/cluster/peer/{peer}", REFUSE, "remove_peer", _MOVES),
    ("GET", "/cluster/metadata/keys", FORWARD, "cluster_keys", _OWN),
    ("GET", "/cluster/metadata/keys/{key}", FORWARD, "cluster_key", _OWN),
    ("PUT", "/cluster/metadata/keys/{key}", FORWARD, "set_cluster_key", _OWN),
    ("DELETE", "/cluster/metadata/keys/{key}", FORWARD, "delete_cluster_key", _OWN),
    ("POST", "/audit/logs", FORWARD, "audit_logs", _OWN),
    ("GET", "/profiler/slow_requests", FORWARD, "slow_requests", _OWN),
    ("GET", "/stacktrace", FORWARD, "stacktrace", _OWN),
    ("GET", "/logger", FORWARD, "logger", _OWN),
    ("POST", "/logger", FORWARD, "set_logger", _OWN),
    ("GET", "/debugger", FORWARD, "debugger", _OWN),
    ("PATCH", "/debugger", FORWARD, "set_debugger", _OWN),
    # Collections.
    ("GET", "/collections", SERVE, "list_collections", ""),
    ("GET", "/aliases", SERVE, "list_aliases", ""),
    ("POST", "/collections/aliases", CAPTURE, "change_aliases", _NO_ALIAS),
    ("GET", _C, SERVE, "describe_collection", ""),
    ("PUT", _C, CAPTURE, "create_collection", ""),
    ("PATCH", _C, CAPTURE, "update_collection", ""),
    ("DELETE", _C, CAPTURE, "delete_collection", ""),
    ("GET", _C + "/exists", SERVE, "collection_exists", ""),
    ("GET", _C + "/aliases", SERVE, "collection_aliases", ""),
    ("GET", _C + "/optimizations", FORWARD, "optimizations", _OWN),
    ("GET", _C + "/memory", FORWARD, "memory", _OWN),
    ("GET", _C + "/cluster", FORWARD, "collection_cluster", _OWN),
    ("POST", _C + "/cluster", REFUSE, "move_shards", _MOVES),
    ("PUT", _C + "/index", CAPTURE, "create_index", ""),
    ("DELETE", _C + "/index/{field}", CAPTURE, "delete_index", ""),
    ("PUT", _C + "/vectors/{vector}", CAPTURE, "create_vector", _FIXED),
    ("DELETE", _C + "/vectors/{vector}", CAPTURE, "delete_vector", _FIXED),
    ("POST", _C + "/truncate_unapplied_wal", REFUSE, "truncate_wal", "it takes acknowledged writes back"),
    ("POST", _C + "/debug", FORWARD, "debug_collection", _OWN),
    # Shards.
    ("GET", _C + "/shards", FORWARD, "shard_keys", _OWN),
    ("PUT", _C + "/shards", CAPTURE, "create_shard_key", _OWN),
    ("POST", _C + "/shards/delete", REFUSE, "delete_shard_key", _MOVES),
    ("GET", _S + "/wal", FORWARD, "shard_wal", _OWN),
    ("GET", _S + "/recovery_point", FORWARD, "recovery_point", _OWN),
    ("POST", _S + "/points", FORWARD, "shard_retrieve", _OWN),
    ("POST", _S + "/points/scroll", FORWARD, "shard_scroll", _OWN),
    ("POST", _S + "/points/count", FORWARD, "shard_count", _OWN),
    ("POST", _S + "/cleanup", REFUSE, "shard_cleanup", _MOVES),
    # Snapshots.
    ("GET", "/snapshots", FORWARD, "full_snapshots", _FILES),
    ("POST", "/snapshots", FORWARD, "make_full_snapshot", _FILES),
    ("GET", "/snapshots/{snapshot}", FORWARD, "download_full_snapshot", _FILES),
    ("DELETE", "/snapshots/{snapshot}", FORWARD, "delete_full_snapshot", _FILES),
    ("GET", _C + "/snapshots", FORWARD, "snapshots", _FILES),
    ("POST", _C + "/snapshots", FORWARD, "make_snapshot", _FILES),
    ("GET", _C + "/snapshots/{snapshot}", FORWARD, "download_snapshot", _FILES),
    ("DELETE", _C + "/snapshots/{snapshot}", FORWARD, "delete_snapshot", _FILES),
    ("POST", _C + "/snapshots/upload", REFUSE, "upload_snapshot", _RESTORES),
    ("PUT", _C + "/snapshots/recover", REFUSE, "recover_snapshot", _RESTORES),
    ("GET", _S + "/snapshot", FORWARD, "stream_shard_snapshot", _FILES),
    ("GET", _S + "/snapshots", FORWARD, "shard_snapshots", _FILES),
    ("POST", _S + "/snapshots", FORWARD, "make_shard_snapshot", _FILES),
    ("GET", _S + "/snapshots/{snapshot}", FORWARD, "download_shard_snapshot", _FILES),
    ("DELETE", _S + "/snapshots/{snapshot}", FORWARD, "delete_shard_snapshot", _FILES),
    ("POST", _S + "/snapshots/upload", REFUSE, "upload_shard_snapshot", _RESTORES),
    ("PUT", _S + "/snapshots/recover", REFUSE, "recover_shard_snapshot", _RESTORES),
    ("POST", _S + "/snapshot/partial/create", FORWARD, "make_partial_snapshot", _FILES),
    ("GET", _S + "/snapshot/partial/manifest", FORWARD, "partial_manifest", _FILES),
    ("POST", _S + "/snapshot/partial/recover", REFUSE, "recover_partial", _RESTORES),
    ("POST", _S + "/snapshot/partial/recover_from", REFUSE, "recover_partial_from", _RESTORES),
    # Points: writes.
    ("PUT", _P, CAPTURE, "upsert", ""),
    ("POST", _P + "/delete", CAPTURE, "delete", ""),
    ("PUT", _P + "/vectors", CAPTURE, "update_vectors", ""),
    ("POST", _P + "/vectors/delete", CAPTURE, "delete_vectors", ""),
    ("POST", _P + "/payload", CAPTURE, "set_payload", ""),
    ("PUT", _P + "/payload", CAPTURE, "overwrite_payload", ""),
    ("POST", _P + "/payload/delete", CAPTURE, "delete_payload", ""),
    ("POST", _P + "/payload/clear", CAPTURE, "clear_payload", ""),
    ("POST", _P + "/batch", CAPTURE, "batch", ""),
    # Points: reads.
    ("GET", _P + "/{id}", SERVE, "get_point", ""),
    ("POST", _P, SERVE, "retrieve", ""),
    ("POST", _P + "/scroll", SERVE, "scroll", ""),
    ("POST", _P + "/count", SERVE, "count", ""),
    ("POST", _P + "/query", SERVE, "query", ""),
    ("POST", _P + "/query/batch", SERVE, "query_batch", ""),
    ("POST", _P + "/query/groups", SERVE, "query_groups", ""),
    ("POST", _P + "/search", SERVE, "search", ""),
    ("POST", _P + "/search/batch", SERVE, "search_batch", ""),
    ("POST", _P + "/search/groups", SERVE, "search_groups", ""),
    ("POST", _P + "/search/matrix/pairs", SERVE, "matrix_pairs", ""),
    ("POST", _P + "/search/matrix/offsets", SERVE, "matrix_offsets", ""),
    ("POST", _P + "/recommend", SERVE, "recommend", ""),
    ("POST", _P + "/recommend/batch", SERVE, "recommend_batch", ""),
    ("POST", _P + "/recommend/groups", SERVE, "recommend_groups", ""),
    ("POST", _P + "/discover", SERVE, "discover", ""),
    ("POST", _P + "/discover/batch", SERVE, "discover_batch", ""),
    ("POST", _C + "/facet", SERVE, "facet", ""),
)

_POINTS: tuple[tuple[str, Decision, str, str], ...] = (
    ("Upsert", CAPTURE, "upsert", ""),
    ("Delete", CAPTURE, "delete", ""),
    ("UpdateVectors", CAPTURE, "update_vectors", ""),
    ("DeleteVectors", CAPTURE, "delete_vectors", ""),
    ("SetPayload", CAPTURE, "set_payload", ""),
    ("OverwritePayload", CAPTURE, "overwrite_payload", ""),
    ("DeletePayload", CAPTURE, "delete_payload", ""),
    ("ClearPayload", CAPTURE, "clear_payload", ""),
    ("UpdateBatch", CAPTURE, "batch", ""),
    ("CreateFieldIndex", CAPTURE, "create_index", ""),
    ("DeleteFieldIndex", CAPTURE, "delete_index", ""),
    ("CreateVectorName", CAPTURE, "create_vector", _FIXED),
    ("DeleteVectorName", CAPTURE, "delete_vector", _FIXED),
    ("Get", SERVE, "retrieve", ""),
    ("Scroll", SERVE, "scroll", ""),
    ("Count", SERVE, "count", ""),
    ("Query", SERVE, "query", ""),
    ("QueryBatch", SERVE, "query_batch", ""),
    ("QueryGroups", SERVE, "query_groups", ""),
    ("Search", SERVE, "search", ""),
    ("SearchBatch", SERVE, "search_batch", ""),
    ("SearchGroups", SERVE, "search_groups", ""),
    ("SearchMatrixPairs", SERVE, "matrix_pairs", ""),
    ("SearchMatrixOffsets", SERVE, "matrix_offsets", ""),
    ("Recommend", SERVE, "recommend", ""),
    ("RecommendBatch", SERVE, "recommend_batch", ""),
    ("RecommendGroups", SERVE, "recommend_groups", ""),
    ("Discover", SERVE, "discover", ""),
    ("DiscoverBatch", SERVE, "discover_batch", ""),
    ("Facet", SERVE, "facet", ""),
)

_COLLECTIONS: tuple[tuple[str, Decision, str, str], ...] = (
    ("Get", SERVE, "describe_collection", ""),
    ("List", SERVE, "list_collections", ""),
    ("Create", CAPTURE, "create_collection", ""),
    ("Update", CAPTURE, "update_collection", ""),
    ("Delete", CAPTURE, "delete_collection", ""),
    ("UpdateAliases", CAPTURE, "change_aliases", _NO_ALIAS),
    ("ListCollectionAliases", SERVE, "collection_aliases", ""),
    ("ListAliases", SERVE, "list_aliases", ""),
    ("CollectionExists", SERVE, "collection_exists", ""),
    ("CollectionClusterInfo", FORWARD, "collection_cluster", _OWN),
    ("UpdateCollectionClusterSetup", REFUSE, "move_shards", _MOVES),
    ("ListShardKeys", FORWARD, "shard_keys", _OWN),
    ("CreateShardKey", CAPTURE, "create_shard_key", _OWN),
    ("DeleteShardKey", REFUSE, "delete_shard_key", _MOVES),
)

_SNAPSHOTS: tuple[tuple[str, Decision, str, str], ...] = (
    ("Create", FORWARD, "make_snapshot", _FILES),
    ("List", FORWARD, "snapshots", _FILES),
    ("Delete", FORWARD, "delete_snapshot", _FILES),
    ("CreateFull", FORWARD, "make_full_snapshot", _FILES),
    ("ListFull", FORWARD, "full_snapshots", _FILES),
    ("DeleteFull", FORWARD, "delete_full_snapshot", _FILES),
)

_SERVER: tuple[tuple[str, Decision, str, str], ...] = (("HealthCheck", SERVE, "version", ""),)

_SERVICES = {
    "qdrant.Points": _POINTS,
    "qdrant.Collections": _COLLECTIONS,
    "qdrant.Snapshots": _SNAPSHOTS,
    "qdrant.Qdrant": _SERVER,
    "grpc.health.v1.Health": (("Check", SERVE, "health", ""),),
}


def _rest() -> Iterator[Route]:
    for method, path, decision, operation, why in _REST:
        yield Route(method, path, decision, why, operation)


def _rpc() -> Iterator[Route]:
    for service, rows in _SERVICES.items():
        for name, decision, operation, why in rows:
            yield Route("RPC", f"/{service}/{name}", decision, why, operation)


ENDPOINTS: tuple[Route, ...] = (*_rest(), *_rpc())
_BY_CALL = {route.path: route for route in ENDPOINTS if route.method == "RPC"}


_PATHS = Paths(_rest())


@lru_cache(maxsize=2048)
def find(method: str, path: str) -> Found:
    """Where a request goes. Qdrant's server trims and merges slashes, so they mean nothing here either."""
    found = _PATHS.find(method, path)
    if found is not None:
        return Found(*found)
    decision = FORWARD if method in SAFE else CAPTURE
    pieces = tuple(unquote(piece) for piece in path.split("/") if piece)
    of_collection = len(pieces) > 1 and pieces[0] == "collections"
    return Found(
        Route(method, "", decision, "Qdrant does not document it", "unknown"),
        pieces[1:2] if of_collection else ("",),
    )


def find_call(method: str) -> Route:
    """The row of a gRPC method; of an unknown one too, which may have done anything."""
    return _BY_CALL.get(method) or Route("RPC", "", CAPTURE, "Qdrant does not document it", "unknown")
