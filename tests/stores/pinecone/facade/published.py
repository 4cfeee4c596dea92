"""What Pinecone describes: method and path of every endpoint of its published OpenAPI descriptions 2025-04 to 2026-04
(control plane, data plane, inference) and of its proto file, and what the SDK calls beyond them.
"""

OPENAPI = [
    "",
    "GET /bulk/imports",
    "POST /bulk/imports",
    "GET /bulk/imports/{id}",
    "DELETE /bulk/imports/{id}",
    "POST /describe_index_stats",
    "POST /query",
    "POST /vectors/delete",
    "GET /vectors/fetch",
    "POST /vectors/fetch_by_metadata",
    "GET /vectors/list",
    "POST /vectors/update",
    "POST /vectors/upsert",
    "GET /namespaces",
    "POST /namespaces",
    "GET /namespaces/{namespace}",
    "DELETE /namespaces/{namespace}",
    "POST /records/namespaces/{namespace}/upsert",
    "POST /records/namespaces/{namespace}/search",
    "GET /indexes",
    "POST /indexes",
    "GET /indexes/{index_name}",
    "DELETE /indexes/{index_name}",
    "PATCH /indexes/{index_name}",
    "GET /indexes/{index_name}/backups",
    "POST /indexes/{index_name}/backups",
    "GET /collections",
    "POST /collections",
    "GET /collections/{collection_name}",
    "DELETE /collections/{collection_name}",
    "POST /indexes/create-for-model",
    "GET /backups",
    "GET /backups/{backup_id}",
    "DELETE /backups/{backup_id}",
    "POST /backups/{backup_id}/create-index",
    "GET /restore-jobs",
    "GET /restore-jobs/{job_id}",
    "POST /embed",
    "POST /rerank",
    "GET /models",
    "GET /models/{model_name}",
    "",
][1:-1]

PROTO = ["", "DELETE /vectors/delete", "GET /describe_index_stats", ""][1:-1]
"""The additional bindings of the proto file's methods; its others are in the OpenAPI descriptions."""

SDK = [
    "",
    "POST /namespaces/{namespace}/documents/upsert",
    "POST /namespaces/{namespace}/documents/search",
    "POST /namespaces/{namespace}/documents/fetch",
    "POST /namespaces/{namespace}/documents/delete",
    "POST /namespaces/{namespace}/documents/update",
    "POST /namespaces/{namespace}/documents/list",
    "GET /indexes/{index_name}/backup-schedules",
    "POST /indexes/{index_name}/backup-schedules",
    "GET /backup-schedules/{schedule_id}",
    "PATCH /backup-schedules/{schedule_id}",
    "DELETE /backup-schedules/{schedule_id}",
    "GET /backup-schedules/{schedule_id}/history",
    "",
][1:-1]
"""Version 2026-07, which has no published description yet: as called by the official Python SDK 10.2."""

GRPC = [
    f"/VectorService/{name}"
    for name in (
        *("Upsert", "Delete", "Fetch", "List", "Query", "Update", "DescribeIndexStats", "ListNamespaces"),
        *("DescribeNamespace", "CreateNamespace", "DeleteNamespace", "FetchByMetadata"),
    )
]
