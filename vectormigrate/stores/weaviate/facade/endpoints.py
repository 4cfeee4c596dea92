"""Every endpoint of Weaviate 1.40, REST and gRPC, and what happens to its requests; and the way from a path to its row.

Handlers are found by the name of the operation. The surprise: a request that stands in no row is passed on all the same,
as a read when its method is safe, and as a write that may have done anything else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from vectormigrate.stores.facade import Decision, Endpoint
from vectormigrate.stores.routing import SAFE, Paths, Route

FORWARD, SERVE, CAPTURE, REFUSE = Decision.FORWARD, Decision.SERVE, Decision.CAPTURE, Decision.REFUSE


@dataclass(frozen=True, slots=True)
class Found:
    """Where a request goes: its row, and the values that stood in its path, by name."""

    route: Route
    values: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def collection(self) -> str | None:
        """The class that its path names, as the schema spells it; None when it names none."""
        name = self.values.get("class")
        return canonical(name) if name else None


def canonical(name: str) -> str:
    """The name of a class with its first letter large, as Weaviate takes it."""
    return name[:1].upper() + name[1:]


_OWN = "it tells of Weaviate's own insides"
_USERS = "users and their rights are kept by Weaviate"
_FILES = "a backup is made of files of Weaviate's own"
_RESTORES = "it brings objects in past the proxy"
_MOVES = "it moves or removes whole shards past the proxy"
_WORDS = "only Weaviate knows how it ranks texts"
_MODELS = "it asks for a model that only Weaviate calls"
_FILLS = "Weaviate fills in properties by itself"
_FIXED = "a class stays as it was made"
_NO_ALIAS = "no store but Weaviate has aliases"
_TOOLS = "it is a door of its own to everything that Weaviate can do"

_C = "/v1/schema/{class}"
_O = "/v1/objects/{class}/{id}"
_I = "/v1/objects/{id}"
_P = _C + "/properties/{property}"

_REST: tuple[tuple[str, str, Decision, str, str], ...] = (
    # The server.
    ("GET", "/v1/", SERVE, "root", ""),
    ("GET", "/v1/.well-known/live", SERVE, "alive", ""),
    ("GET", "/v1/.well-known/ready", SERVE, "alive", ""),
    ("GET", "/v1/.well-known/openid-configuration", SERVE, "openid", ""),
    ("GET", "/v1/meta", SERVE, "meta", ""),
    ("GET", "/v1/nodes", SERVE, "nodes", ""),
    ("GET", "/v1/nodes/{class}", SERVE, "nodes", ""),
    ("GET", "/v1/cluster/statistics", FORWARD, "statistics", _OWN),
    ("GET", "/v1/tasks", FORWARD, "tasks", _OWN),
    ("POST", "/v1/tokenize", FORWARD, "tokenize", _WORDS),
    ("POST", "/v1/mcp", REFUSE, "tool", _TOOLS),
    ("GET", "/v1/mcp", REFUSE, "tool", _TOOLS),
    ("DELETE", "/v1/mcp", REFUSE, "tool", _TOOLS),
    # Objects.
    ("GET", "/v1/objects", SERVE, "list_objects", ""),
    ("POST", "/v1/objects", CAPTURE, "create_object", ""),
    ("POST", "/v1/objects/validate", SERVE, "validate_object", ""),
    ("GET", _O, SERVE, "get_object", ""),
    ("HEAD", _O, SERVE, "head_object", ""),
    ("PUT", _O, CAPTURE, "replace_object", ""),
    ("PATCH", _O, CAPTURE, "merge_object", ""),
    ("DELETE", _O, CAPTURE, "delete_object", ""),
    ("GET", _I, SERVE, "get_object", ""),
    ("HEAD", _I, SERVE, "head_object", ""),
    ("PUT", _I, CAPTURE, "replace_object", ""),
    ("PATCH", _I, CAPTURE, "merge_object", ""),
    ("DELETE", _I, CAPTURE, "delete_object", ""),
    ("POST", _O + "/references/{property}", CAPTURE, "add_reference", ""),
    ("PUT", _O + "/references/{property}", CAPTURE, "replace_references", ""),
    ("DELETE", _O + "/references/{property}", CAPTURE, "delete_reference", ""),
    ("POST", _I + "/references/{property}", CAPTURE, "add_reference", ""),
    ("PUT", _I + "/references/{property}", CAPTURE, "replace_references", ""),
    ("DELETE", _I + "/references/{property}", CAPTURE, "delete_reference", ""),
    ("POST", "/v1/batch/objects", CAPTURE, "batch_objects", ""),
    ("DELETE", "/v1/batch/objects", CAPTURE, "batch_delete", ""),
    ("POST", "/v1/batch/references", CAPTURE, "batch_references", ""),
    # Searches.
    ("POST", "/v1/graphql", SERVE, "graphql", ""),
    ("POST", "/v1/graphql/batch", SERVE, "graphql_batch", ""),
    ("POST", "/v1/search/{class}/near-object", FORWARD, "search_near_object", "it is not settled yet"),
    ("POST", "/v1/search/{class}/near-text", FORWARD, "search_near_text", _MODELS),
    ("POST", "/v1/search/{class}/bm25", FORWARD, "search_bm25", _WORDS),
    ("POST", "/v1/search/{class}/hybrid", FORWARD, "search_hybrid", _WORDS),
    ("POST", "/v1/aggregate/{class}", FORWARD, "aggregate", "it is not settled yet"),
    # Classes.
    ("GET", "/v1/schema", SERVE, "list_classes", ""),
    ("POST", "/v1/schema", CAPTURE, "create_class", ""),
    ("GET", _C, SERVE, "get_class", ""),
    ("PUT", _C, CAPTURE, "update_class", ""),
    ("DELETE", _C, CAPTURE, "delete_class", ""),
    ("POST", _C + "/properties", CAPTURE, "add_property", ""),
    ("GET", _C + "/indexes", FORWARD, "indexes", _OWN),
    ("PUT", _P + "/index/{index}", CAPTURE, "make_index", _OWN),
    ("DELETE", _P + "/index/{index}", CAPTURE, "delete_index", _OWN),
    ("POST", _P + "/index/{index}/rebuild", CAPTURE, "make_index", _OWN),
    ("POST", _P + "/index/{index}/cancel", CAPTURE, "make_index", _OWN),
    ("POST", _P + "/tokenize", FORWARD, "tokenize", _WORDS),
    ("DELETE", _C + "/vectors/{vector}/index", CAPTURE, "delete_vector", _FIXED),
    ("GET", _C + "/shards", SERVE, "list_shards", ""),
    ("PUT", _C + "/shards/{shard}", CAPTURE, "update_shard", _OWN),
    # Tenants.
    ("GET", _C + "/tenants", SERVE, "list_tenants", ""),
    ("POST", _C + "/tenants", CAPTURE, "create_tenants", ""),
    ("PUT", _C + "/tenants", CAPTURE, "update_tenants", ""),
    ("DELETE", _C + "/tenants", CAPTURE, "delete_tenants", ""),
    ("GET", _C + "/tenants/{tenant}", SERVE, "get_tenant", ""),
    ("HEAD", _C + "/tenants/{tenant}", SERVE, "head_tenant", ""),
    # Aliases.
    ("GET", "/v1/aliases", SERVE, "list_aliases", ""),
    ("POST", "/v1/aliases", CAPTURE, "change_alias", _NO_ALIAS),
    ("GET", "/v1/aliases/{alias}", SERVE, "get_alias", ""),
    ("PUT", "/v1/aliases/{alias}", CAPTURE, "change_alias", _NO_ALIAS),
    ("DELETE", "/v1/aliases/{alias}", CAPTURE, "change_alias", _NO_ALIAS),
    # What copies and moves.
    ("POST", "/v1/backups/{backend}", FORWARD, "make_backup", _FILES),
    ("GET", "/v1/backups/{backend}", FORWARD, "backups", _FILES),
    ("GET", "/v1/backups/{backend}/{id}", FORWARD, "backup", _FILES),
    ("DELETE", "/v1/backups/{backend}/{id}", FORWARD, "cancel_backup", _FILES),
    ("POST", "/v1/backups/{backend}/{id}/restore", REFUSE, "restore", _RESTORES),
    ("GET", "/v1/backups/{backend}/{id}/restore", FORWARD, "restoring", _FILES),
    ("DELETE", "/v1/backups/{backend}/{id}/restore", FORWARD, "cancel_restore", _FILES),
    ("POST", "/v1/export/{backend}", FORWARD, "make_export", _FILES),
    ("GET", "/v1/export/{backend}/{id}", FORWARD, "export", _FILES),
    ("DELETE", "/v1/export/{backend}/{id}", FORWARD, "cancel_export", _FILES),
    ("POST", "/v1/classifications/", REFUSE, "classify", _FILLS),
    ("GET", "/v1/classifications/{id}", FORWARD, "classification", _FILLS),
    ("POST", "/v1/replication/replicate", FORWARD, "replicate", _OWN),
    ("DELETE", "/v1/replication/replicate", FORWARD, "replicate", _OWN),
    ("POST", "/v1/replication/replicate/force-delete", FORWARD, "replicate", _OWN),
    ("GET", "/v1/replication/replicate/list", FORWARD, "replications", _OWN),
    ("GET", "/v1/replication/replicate/{id}", FORWARD, "replications", _OWN),
    ("DELETE", "/v1/replication/replicate/{id}", FORWARD, "replicate", _OWN),
    ("POST", "/v1/replication/replicate/{id}/cancel", FORWARD, "replicate", _OWN),
    ("GET", "/v1/replication/sharding-state", FORWARD, "replications", _OWN),
    ("GET", "/v1/replication/scale", FORWARD, "replications", _OWN),
    ("POST", "/v1/replication/scale", FORWARD, "replicate", _OWN),
    # Namespaces of a shared cluster.
    ("GET", "/v1/namespaces", FORWARD, "namespaces", _OWN),
    ("POST", "/v1/namespaces/{namespace}", FORWARD, "create_namespace", _OWN),
    ("GET", "/v1/namespaces/{namespace}", FORWARD, "namespaces", _OWN),
    ("PUT", "/v1/namespaces/{namespace}", FORWARD, "update_namespace", _OWN),
    ("DELETE", "/v1/namespaces/{namespace}", REFUSE, "delete_namespace", _MOVES),
    ("POST", "/v1/namespaces/{namespace}/suspend", REFUSE, "suspend_namespace", _MOVES),
    ("POST", "/v1/namespaces/{namespace}/resume", FORWARD, "resume_namespace", _OWN),
    # Users and rights.
    ("GET", "/v1/users/own-info", FORWARD, "users", _USERS),
    ("GET", "/v1/users/db", FORWARD, "users", _USERS),
    ("GET", "/v1/users/db/{user}", FORWARD, "users", _USERS),
    ("POST", "/v1/users/db/{user}", FORWARD, "users", _USERS),
    ("DELETE", "/v1/users/db/{user}", FORWARD, "users", _USERS),
    ("POST", "/v1/users/db/{user}/rotate-key", FORWARD, "users", _USERS),
    ("POST", "/v1/users/db/{user}/activate", FORWARD, "users", _USERS),
    ("POST", "/v1/users/db/{user}/deactivate", FORWARD, "users", _USERS),
    ("GET", "/v1/authz/roles", FORWARD, "rights", _USERS),
    ("POST", "/v1/authz/roles", FORWARD, "rights", _USERS),
    ("GET", "/v1/authz/roles/{role}", FORWARD, "rights", _USERS),
    ("DELETE", "/v1/authz/roles/{role}", FORWARD, "rights", _USERS),
    ("POST", "/v1/authz/roles/{role}/add-permissions", FORWARD, "rights", _USERS),
    ("POST", "/v1/authz/roles/{role}/remove-permissions", FORWARD, "rights", _USERS),
    ("POST", "/v1/authz/roles/{role}/has-permission", FORWARD, "rights", _USERS),
    ("GET", "/v1/authz/roles/{role}/users", FORWARD, "rights", _USERS),
    ("GET", "/v1/authz/roles/{role}/user-assignments", FORWARD, "rights", _USERS),
    ("GET", "/v1/authz/roles/{role}/group-assignments", FORWARD, "rights", _USERS),
    ("GET", "/v1/authz/users/{user}/roles", FORWARD, "rights", _USERS),
    ("GET", "/v1/authz/users/{user}/roles/{kind}", FORWARD, "rights", _USERS),
    ("POST", "/v1/authz/users/{user}/assign", FORWARD, "rights", _USERS),
    ("POST", "/v1/authz/users/{user}/revoke", FORWARD, "rights", _USERS),
    ("POST", "/v1/authz/groups/{group}/assign", FORWARD, "rights", _USERS),
    ("POST", "/v1/authz/groups/{group}/revoke", FORWARD, "rights", _USERS),
    ("GET", "/v1/authz/groups/{group}/roles/{kind}", FORWARD, "rights", _USERS),
    ("GET", "/v1/authz/groups/{kind}", FORWARD, "rights", _USERS),
)

_CALLS: tuple[tuple[str, Decision, str], ...] = (
    ("/weaviate.v1.Weaviate/Search", SERVE, "search"),
    ("/weaviate.v1.Weaviate/Aggregate", SERVE, "aggregate"),
    ("/weaviate.v1.Weaviate/TenantsGet", SERVE, "get_tenants"),
    ("/weaviate.v1.Weaviate/BatchObjects", CAPTURE, "batch_objects"),
    ("/weaviate.v1.Weaviate/BatchReferences", CAPTURE, "batch_references"),
    ("/weaviate.v1.Weaviate/BatchDelete", CAPTURE, "batch_delete"),
    ("/weaviate.v1.Weaviate/BatchStream", CAPTURE, "batch_stream"),
    ("/grpc.health.v1.Health/Check", SERVE, "health"),
)
BATCH_STREAM = "/weaviate.v1.Weaviate/BatchStream"

_ROUTES = (
    *(Route(method, path, decision, why, operation) for method, path, decision, operation, why in _REST),
    *(Route("RPC", path, decision, "", operation) for path, decision, operation in _CALLS),
)
ENDPOINTS: tuple[Endpoint, ...] = _ROUTES
_BY_CALL = {route.path: route for route in _ROUTES if route.method == "RPC"}


_PATHS = Paths(route for route in _ROUTES if route.method != "RPC")


@lru_cache(maxsize=10_000)
def find(method: str, path: str) -> Found:
    """The row of a request, `path` as it was sent. One that stands in no row gets a row of its own."""
    found = _PATHS.find(method, path)
    if found is not None:
        route, values = found
        return Found(route, dict(zip(route.names, values, strict=True)))
    decision = FORWARD if method in SAFE else CAPTURE
    return Found(Route(method, "", decision, "Weaviate does not document it", "unknown"))


def find_call(method: str) -> Route:
    """The row of a gRPC method; of an unknown one too, which may have done anything."""
    return _BY_CALL.get(method) or Route("RPC", "", CAPTURE, "Weaviate does not document it", "unknown")
