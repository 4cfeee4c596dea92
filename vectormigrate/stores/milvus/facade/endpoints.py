"""Every rpc and every documented REST path of Milvus 2.6, and what happens to its requests.

REST is the same service under other names, so a row of it names the rpc that it stands for. The surprise: what stands in
no row is passed on all the same, as a write that may have done anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from vectormigrate.stores.facade import Decision, Endpoint

FORWARD, SERVE, CAPTURE, REFUSE = Decision.FORWARD, Decision.SERVE, Decision.CAPTURE, Decision.REFUSE

SERVICE = "/milvus.proto.milvus.MilvusService/"
REST = "/v2/vectordb/"


@dataclass(frozen=True, slots=True)
class Route(Endpoint):
    """A row of the table, and the rpc that it stands for; "" for one that is not in the table."""

    rpc: str = ""


_OWN = "it tells of Milvus' own insides"
_USERS = "users and their rights are Milvus' own"
_PLACES = "databases, resource groups and replicas are Milvus' own"
_MADE = "fields and partitions of a collection stay as they were made"
_RESTORES = "it brings records in past the proxy"
_FILES = "snapshots and files are Milvus' own"
_NAMESPACES = "namespaces inside a collection are kept by Milvus alone"
_TEXT = "only Milvus takes texts apart"

_RPCS: dict[Decision, dict[str, str]] = {
    SERVE: {
        "": "Connect GetVersion CheckHealth AllocTimestamp GetComponentStates ListDatabases "
        "HasCollection DescribeCollection ShowCollections GetCollectionStatistics "
        "LoadCollection ReleaseCollection LoadPartitions ReleasePartitions GetLoadingProgress GetLoadState "
        "HasPartition ShowPartitions GetPartitionStatistics DescribeAlias ListAliases "
        "DescribeIndex GetIndexStatistics GetIndexState GetIndexBuildProgress "
        "Query Search HybridSearch Flush FlushAll GetFlushState GetFlushAllState",
    },
    CAPTURE: {
        "": "Insert Upsert Delete CreateCollection DropCollection TruncateCollection "
        "CreateIndex AlterIndex DropIndex CreatePartition DropPartition CreateAlias DropAlias AlterAlias",
        _MADE: "RenameCollection AlterCollection AlterCollectionField AddCollectionField AddCollectionStructField "
        "AddCollectionFunction AlterCollectionFunction DropCollectionFunction AlterCollectionSchema",
        _NAMESPACES: "CreateNamespace DropNamespace",
    },
    REFUSE: {
        _RESTORES: "Import RestoreSnapshot RestoreExternalSnapshot BatchUpdateManifest RefreshExternalCollection "
        "ReplicateMessage CreateReplicateStream",
    },
    FORWARD: {
        _TEXT: "RunAnalyzer ComputePhraseMatchSlop",
        _NAMESPACES: "DescribeNamespace ListNamespaces HasNamespace GetNamespaceStats",
        _FILES: "CreateSnapshot DropSnapshot ListSnapshots DescribeSnapshot ExportSnapshot GetExportSnapshotState "
        "GetRestoreSnapshotState ListRestoreSnapshotJobs PinSnapshotData UnpinSnapshotData AddFileResource "
        "RemoveFileResource ListFileResources GetImportState ListImportTasks "
        "GetRefreshExternalCollectionProgress ListRefreshExternalCollectionJobs",
        _PLACES: "CreateDatabase DropDatabase AlterDatabase DescribeDatabase CreateResourceGroup DropResourceGroup "
        "UpdateResourceGroups TransferNode TransferReplica ListResourceGroups DescribeResourceGroup "
        "UpdateReplicateConfiguration GetReplicateConfiguration GetReplicateInfo LoadBalance",
        _USERS: "CreateCredential UpdateCredential DeleteCredential ListCredUsers CreateRole AlterRole DropRole "
        "OperateUserRole SelectRole SelectUser OperatePrivilege OperatePrivilegeV2 SelectGrant BackupRBAC "
        "RestoreRBAC CreatePrivilegeGroup DropPrivilegeGroup ListPrivilegeGroups OperatePrivilegeGroup "
        "AddUserTags DeleteUserTags GetUserTags ListUsersWithTag CreateRowPolicy DropRowPolicy ListRowPolicies",
        _OWN: "BatchDescribeCollection CalcDistance Dummy RegisterLink GetMetrics GetPersistentSegmentInfo "
        "GetQuerySegmentInfo GetReplicas GetCompactionState ManualCompaction GetCompactionStateWithPlans "
        "ListIndexedSegment DescribeSegmentIndexData DumpMessages Prewarm DescribePrewarmTask",
    },
}

_PATHS: dict[str, dict[str, str]] = {
    "collections/": {
        "list": "ShowCollections",
        "has": "HasCollection",
        "describe": "DescribeCollection",
        "get_stats": "GetCollectionStatistics",
        "get_load_state": "GetLoadState",
        "create": "CreateCollection",
        "drop": "DropCollection",
        "truncate": "TruncateCollection",
        "rename": "RenameCollection",
        "load": "LoadCollection",
        "refresh_load": "LoadCollection",
        "release": "ReleaseCollection",
        "alter_properties": "AlterCollection",
        "drop_properties": "AlterCollection",
        "compact": "ManualCompaction",
        "get_compaction_state": "GetCompactionState",
        "flush": "Flush",
        "fields/alter_properties": "AlterCollectionField",
        "fields/add": "AddCollectionField",
    },
    "entities/": {
        "insert": "Insert",
        "upsert": "Upsert",
        "delete": "Delete",
        "query": "Query",
        "get": "Query",
        "search": "Search",
        "advanced_search": "HybridSearch",
        "hybrid_search": "HybridSearch",
    },
    "partitions/": {
        "list": "ShowPartitions",
        "has": "HasPartition",
        "get_stats": "GetPartitionStatistics",
        "create": "CreatePartition",
        "drop": "DropPartition",
        "load": "LoadPartitions",
        "release": "ReleasePartitions",
    },
    "indexes/": {
        "list": "DescribeIndex",
        "describe": "DescribeIndex",
        "create": "CreateIndex",
        "drop": "DropIndex",
        "alter_properties": "AlterIndex",
        "drop_properties": "AlterIndex",
    },
    "aliases/": {
        "list": "ListAliases",
        "describe": "DescribeAlias",
        "create": "CreateAlias",
        "drop": "DropAlias",
        "alter": "AlterAlias",
    },
    "jobs/import/": {
        "create": "Import",
        "list": "ListImportTasks",
        "describe": "GetImportState",
        "get_progress": "GetImportState",
    },
    "databases/": {
        "list": "ListDatabases",
        "describe": "DescribeDatabase",
        "create": "CreateDatabase",
        "drop": "DropDatabase",
        "alter": "AlterDatabase",
        "drop_properties": "AlterDatabase",
    },
    "users/": {
        "list": "ListCredUsers",
        "describe": "SelectUser",
        "create": "CreateCredential",
        "update_password": "UpdateCredential",
        "drop": "DeleteCredential",
        "grant_role": "OperateUserRole",
        "revoke_role": "OperateUserRole",
    },
    "roles/": {
        "list": "SelectRole",
        "describe": "SelectGrant",
        "create": "CreateRole",
        "drop": "DropRole",
        "grant_privilege": "OperatePrivilege",
        "revoke_privilege": "OperatePrivilege",
        "grant_privilege_v2": "OperatePrivilegeV2",
        "revoke_privilege_v2": "OperatePrivilegeV2",
    },
    "privilege_groups/": {
        "list": "ListPrivilegeGroups",
        "create": "CreatePrivilegeGroup",
        "drop": "DropPrivilegeGroup",
        "add_privileges_to_group": "OperatePrivilegeGroup",
        "remove_privileges_from_group": "OperatePrivilegeGroup",
    },
    "resource_groups/": {
        "list": "ListResourceGroups",
        "describe": "DescribeResourceGroup",
        "create": "CreateResourceGroup",
        "drop": "DropResourceGroup",
        "alter": "UpdateResourceGroups",
        "transfer_replica": "TransferReplica",
    },
    "segments/": {"describe": "GetPersistentSegmentInfo"},
    "quotacenter/": {"describe": "GetMetrics"},
    "common/": {"run_analyzer": "RunAnalyzer"},
}


def _rpcs() -> Iterator[Route]:
    for decision, rows in _RPCS.items():
        for why, names in rows.items():
            for name in names.split():
                yield Route("RPC", SERVICE + name, decision, why, name)


_BY_NAME = {route.rpc: route for route in _rpcs()}


def _paths() -> Iterator[Route]:
    for category, actions in _PATHS.items():
        for action, name in actions.items():
            like = _BY_NAME[name]
            yield Route("POST", f"{REST}{category}{action}", like.decision, like.why, name)


ENDPOINTS: tuple[Route, ...] = (*_BY_NAME.values(), *_paths())
_BY_CALL = {route.path: route for route in ENDPOINTS}
_STRANGE = "Milvus does not document it"


def find_call(method: str) -> Route:
    """The row of a gRPC method; of an unknown one too, which may have done anything."""
    return _BY_CALL.get(method) or Route("RPC", "", CAPTURE, _STRANGE)


def find(method: str, path: str) -> Route:
    """The row of a REST request; an unknown one is a read when its method is safe."""
    found = _BY_CALL.get(path.rstrip("/"))
    if found is not None and method == found.method:
        return found
    return Route(method, "", FORWARD if method in ("GET", "HEAD", "OPTIONS") else CAPTURE, _STRANGE)
