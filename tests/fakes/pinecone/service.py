"""The service behind the fake: indexes, namespaces, records, limits, and when what is written becomes visible.

Fetch, list, query and statistics each see a write after a delay of their own.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .filters import BadFilter, passes
from .index import FakeIndex, Refused, new_style, old_style
from .log import Namespace, View

DEFAULT = "__default__"
READS = ("fetch", "list", "query", "stats")


@dataclass(repr=False)
class FakePinecone:
    """Everything that one project holds, and what goes wrong with it."""

    clock: Callable[[], float] = time.monotonic
    api_key: str = "key"
    delays: dict = field(default_factory=dict)
    """Seconds by kind of read (`READS`) until it sees a write."""
    numbered: bool = True
    """Whether answers carry log positions."""
    page: int = 100
    token_life: int = 10**9
    """Pages after which a token is no longer known."""
    making: float = 0.0
    """Seconds until a new index is ready."""
    failing: list = field(default_factory=list)
    """Answers to the next requests instead of what they ask for: (path, status or "drop", headers)."""
    requests: list = field(default_factory=list)
    """Method, path and size of every request so far."""
    indexes: dict = field(default_factory=dict)
    pages: int = 0

    # Control plane.

    def create(self, body: dict, version: str) -> FakeIndex:
        name = body.get("name") or ""
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,43}[a-z0-9])?", name):
            raise Refused(422, "Name must be 1-45 lower case letters, digits and '-'")
        if name in self.indexes:
            raise Refused(409, "Resource already exists")
        tags = body.get("tags") or {}
        for key, value in tags.items():
            if not re.fullmatch(r"[\w-]{1,80}", key, re.ASCII) or not re.fullmatch(
                r"[\w;@.+ -]{1,120}", value, re.ASCII
            ):
                raise Refused(422, f"tag {key!r} is not valid")
        index = new_style(body) if version >= "2026-07" else old_style(body)
        index.tags, index.protected = tags, body.get("deletion_protection") == "enabled"
        index.ready_at = self.clock() + self.making
        self.indexes[name] = index
        return index

    def index(self, name: str) -> FakeIndex:
        if name not in self.indexes:
            raise Refused(404, f"Resource {name} not found", code=5)
        return self.indexes[name]

    def delete_index(self, name: str) -> None:
        if self.index(name).protected:
            raise Refused(403, "Deletion protection is enabled for this index", code=7)
        del self.indexes[name]

    def describe(self, index: FakeIndex, version: str) -> dict:
        ready = self.clock() >= index.ready_at
        told = {
            "name": index.name,
            "host": f"http://127.0.0.1:{index.port}",
            "status": {"ready": ready, "state": "Ready" if ready else "Initializing"},
            "deletion_protection": "enabled" if index.protected else "disabled",
            "tags": index.tags or None,
        }
        if version >= "2026-07":
            fields = {}
            if index.dimension:
                fields["_values"] = {
                    "type": "dense_vector",
                    "dimension": index.dimension,
                    "metric": index.metric,
                }
            if index.sparse:
                fields["_sparse_values"] = {"type": "sparse_vector"}
            place = {"deployment_type": "managed", "cloud": index.cloud, "region": index.region}
            if index.pod:
                place = {"deployment_type": "pod", "replicas": 1, "shards": 1, **index.pod}
                place.pop("pods", None)
            if index.byoc:
                place = {"deployment_type": "byoc", "environment": index.byoc}
            return told | {"schema": {"fields": fields}, "deployment": place}
        told |= {"metric": index.metric, "vector_type": "dense" if index.dimension else "sparse"}
        if index.dimension:
            told["dimension"] = index.dimension
        spec = {"serverless": {"cloud": index.cloud, "region": index.region}}
        if index.byoc:
            spec = {"byoc": {"environment": index.byoc}}
        return told | {"spec": {"pod": index.pod} if index.pod else spec}

    # Seeing.

    def seen(self, index: FakeIndex, name: str | None, kind: str) -> tuple[dict, dict]:
        """The records that a read of that kind sees, and the headers of its answer."""
        view = self._view(index, name, kind)
        headers = {}
        if kind == "query" and self.numbered and not index.pod:
            headers["x-pinecone-max-indexed-lsn"] = str(view.number)
        return view.held, headers

    def _view(self, index: FakeIndex, name: str | None, kind: str) -> View:
        return self._namespace(index, name).seen(kind, self.clock() - self.delays.get(kind, 0.0))

    def _namespace(self, index: FakeIndex, name: str | None) -> Namespace:
        found = index.namespaces.get(name or DEFAULT)
        if found is None:
            if (name or DEFAULT) == DEFAULT or index.pod:
                return Namespace()
            raise Refused(404, "Namespace not found", code=5)
        return found

    def _log(self, index: FakeIndex, name: str | None, entries: list) -> dict:
        number = index.namespaces.setdefault(name or DEFAULT, Namespace()).add(entries, self.clock())
        return {"x-pinecone-request-lsn": str(number)} if self.numbered and not index.pod else {}

    # Writing.

    def upsert(self, index: FakeIndex, body: dict, size: int) -> tuple[dict, dict]:
        vectors = body.get("vectors")
        if not isinstance(vectors, list) or not vectors:
            raise Refused(400, "No vectors were given")
        if len(vectors) > 1000:
            raise Refused(400, f"Request has {len(vectors)} vectors, which exceeds the limit of 1000")
        if size > 2_000_000 + 97_152:  # 2 MiB
            raise Refused(413, f"Request size {size} exceeds the limit of 2MB")
        _check_namespace(body.get("namespace"))
        entries = [(vector.get("id"), _checked(vector, index)) for vector in vectors]
        if len({record_id for record_id, _ in entries}) < len(entries):
            raise Refused(400, "Duplicate vector ids in the request")
        return {"upsertedCount": len(entries)}, self._log(index, body.get("namespace"), entries)

    def update(self, index: FakeIndex, body: dict) -> tuple[dict, dict]:
        held = self._namespace(index, body.get("namespace")).records()
        chosen, answer = [one for one in (body.get("id"),) if one in held], {}
        if body.get("filter"):
            chosen = [one for one in held if _passes(body["filter"], held[one])]
            answer = {"matchedRecords": len(chosen)}
        entries = [] if body.get("dryRun") else [(one, _updated(held[one], body, index)) for one in chosen]
        return answer, self._log(index, body.get("namespace"), entries)

    def delete(self, index: FakeIndex, body: dict) -> tuple[dict, dict]:
        ways = [way for way in ("ids", "deleteAll", "filter") if body.get(way)]
        if len(ways) != 1:
            raise Refused(400, "Exactly one of ids, deleteAll and filter must be given")
        held = self._namespace(index, body.get("namespace")).records()
        gone = body.get("ids") or [
            one for one in held if "deleteAll" in ways or _passes(body["filter"], held[one])
        ]
        if len(body.get("ids") or []) > 1000:
            raise Refused(400, "Too many IDs: the limit is 1000")
        if body.get("namespace", DEFAULT) in ("", DEFAULT) and DEFAULT not in index.namespaces:
            raise Refused(404, "Namespace not found", code=5)
        return {}, self._log(index, body.get("namespace"), [(one, None) for one in gone])

    # Reading.

    def fetch(self, index: FakeIndex, namespace: str | None, ids: list[str]) -> tuple[dict, dict]:
        if not ids:
            raise Refused(400, "No IDs were given")
        if len(ids) > 1000:
            raise Refused(400, "Too many IDs: the limit is 1000")
        held, headers = self.seen(index, namespace, "fetch")
        found = {one: {"id": one, **_shown(held[one])} for one in ids if one in held}
        return {"vectors": found, "namespace": namespace or "", "usage": {"readUnits": 1}}, headers

    def fetch_by_metadata(self, index: FakeIndex, body: dict) -> tuple[dict, dict]:
        if not body.get("filter"):
            raise Refused(400, "A filter is needed")
        held, headers = self.seen(index, body.get("namespace"), "fetch")
        # In the order in which they were written first, which need not be that of ids.
        ids = [one for one in held if _passes(body["filter"], held[one])]
        start = int(body.get("paginationToken") or 0)
        stop = start + min(body.get("limit", 100), self.page)
        found = {one: {"id": one, **_shown(held[one])} for one in ids[start:stop]}
        answer: dict = {"vectors": found, "namespace": body.get("namespace") or ""}
        if stop < len(ids):
            answer["pagination"] = {"next": str(stop)}
        return answer, headers

    def list(
        self, index: FakeIndex, namespace: str | None, prefix: str, limit: int, token: str
    ) -> tuple[dict, dict]:
        if index.pod:
            raise Refused(501, "List is not supported for pod-based indexes", code=12)
        if not 1 <= limit <= 100:
            raise Refused(400, "limit must be between 1 and 100")
        self.pages += 1
        last = ""
        if token:
            try:
                given = json.loads(base64.b64decode(token))
            except ValueError:
                raise Refused(400, "Invalid pagination token") from None
            last, made = given["skip_past"], given["page"]
            if self.pages - made > self.token_life:
                raise Refused(400, "Invalid pagination token")
        size = min(limit, self.page)
        ids = self._view(index, namespace, "list").ids(prefix, last, size + 1)
        answer: dict = {"vectors": [{"id": one} for one in ids[:size]], "namespace": namespace or ""}
        if len(ids) > size:
            made = json.dumps({"skip_past": ids[size - 1], "page": self.pages}).encode()
            answer["pagination"] = {"next": base64.b64encode(made).decode()}
        return answer, {}

    def stats(self, index: FakeIndex) -> dict:
        counts = {name: len(self.seen(index, name, "stats")[0]) for name in index.namespaces}
        shown = {
            "" if name == DEFAULT and index.pod else name: {"vectorCount": n}
            for name, n in counts.items()
            if n
        }
        told = {
            "namespaces": shown,
            "totalVectorCount": sum(counts.values()),
            "indexFullness": 0,
            "metric": index.metric,
            "vectorType": "dense" if index.dimension else "sparse",
        }
        return told | ({"dimension": index.dimension} if index.dimension else {})

    # Namespaces.

    def namespaces(self, index: FakeIndex, token: str | None, limit: int) -> dict:
        told = [self.namespace(index, name) for name in sorted(index.namespaces)]
        start, size = int(token or 0), min(limit, self.page)
        answer: dict = {"namespaces": told[start : start + size], "total_count": len(told)}
        if start + size < len(told):
            answer["pagination"] = {"next": str(start + size)}
        return answer

    def namespace(self, index: FakeIndex, name: str) -> dict:
        if name not in index.namespaces:
            raise Refused(404, "Namespace not found", code=5)
        return {"name": name, "record_count": len(index.namespaces[name].records())}

    def create_namespace(self, index: FakeIndex, name: str) -> dict:
        if name in index.namespaces:
            raise Refused(409, "Namespace already exists", code=6)
        index.namespaces[name] = Namespace()
        return self.namespace(index, name)

    def delete_namespace(self, index: FakeIndex, name: str) -> dict:
        self.namespace(index, name)
        del index.namespaces[name]
        return {}

    def query(self, index: FakeIndex, body: dict) -> tuple[dict, dict]:
        if body.get("id"):
            like = self.seen(index, body.get("namespace"), "query")[0].get(body["id"])
            if like is None:
                return {"matches": [], "namespace": body.get("namespace") or ""}, {}
            vectors = {"vector": like["values"].tolist()} if "values" in like else {}
            if "sparseValues" in like:
                vectors["sparseVector"] = like["sparseValues"]
            body = {**body, **vectors}
        _check_query(index, body)
        held, headers = self.seen(index, body.get("namespace"), "query")
        hits = []
        for record_id, record in held.items():
            if body.get("filter") and not _passes(body["filter"], record):
                continue
            score = _score(index, record, body.get("vector"), body.get("sparseVector"))
            if score is not None:
                hits.append((score, record_id, record))
        hits.sort(key=lambda hit: hit[0], reverse=index.metric != "euclidean")
        matches = []
        for score, record_id, record in hits[: body["topK"]]:
            shown = _shown(record)
            if not body.get("includeValues"):
                shown.pop("values", None)
                shown.pop("sparseValues", None)
            if not body.get("includeMetadata"):
                shown.pop("metadata", None)
            matches.append({"id": record_id, "score": score, **shown})
        return {
            "matches": matches,
            "namespace": body.get("namespace") or "",
            "usage": {"readUnits": 1},
        }, headers


def _check_query(index: FakeIndex, body: dict) -> None:
    limit = body.get("topK")
    if not isinstance(limit, int) or not 1 <= limit <= 10_000:
        raise Refused(400, "topK must be between 1 and 10000")
    dense, sparse = body.get("vector"), body.get("sparseVector")
    if index.dimension and (not isinstance(dense, list) or len(dense) != index.dimension):
        raise Refused(
            400, f"Query vector dimension does not match the dimension of the index {index.dimension}"
        )
    if sparse and index.metric != "dotproduct":
        raise Refused(400, "Sparse queries are supported under dotproduct only")
    if not index.dimension and not sparse:
        raise Refused(400, "A sparse vector is needed")


def _updated(record: dict, body: dict, index: FakeIndex) -> dict:
    changed = dict(record)
    if "setMetadata" in body:
        changed["metadata"] = {**record.get("metadata", {}), **body["setMetadata"]}
    changed |= {key: body[key] for key in ("values", "sparseValues") if body.get(key)}
    return _checked(changed, index)


def _check_namespace(name: str | None) -> None:
    if name and (not name.isascii() or len(name) > 512 or "\0" in name):
        raise Refused(400, "Namespace must be ASCII and at most 512 characters")


def _checked(vector: dict, index: FakeIndex) -> dict:
    record_id = vector.get("id") if "id" in vector else "x"
    if (
        not isinstance(record_id, str)
        or not record_id.isascii()
        or not 1 <= len(record_id) <= 512
        or "\0" in record_id
    ):
        raise Refused(400, f"Vector ID must be ASCII and 1 to 512 characters, got {record_id!r}")
    unknown = vector.keys() - {"id", "values", "sparseValues", "metadata"}
    if unknown:
        raise Refused(400, f"unknown field {min(unknown)!r}")
    record: dict = {}
    if index.dimension:
        values = _numbers(vector.get("values"))
        if len(values) != index.dimension:
            raise Refused(
                400,
                f"Vector dimension {len(values)} does not match the dimension of the index {index.dimension}",
            )
        if not values.any():
            raise Refused(400, "Dense vectors must contain at least one non-zero value")
        record["values"] = values
    elif vector.get("values"):
        raise Refused(400, "a sparse index takes no dense values")
    if vector.get("sparseValues") is not None:
        record["sparseValues"] = _sparse(vector["sparseValues"])
    elif not index.dimension:
        raise Refused(400, "Vector has no sparse values")
    if vector.get("metadata"):
        record["metadata"] = _metadata(vector["metadata"])
    return record


def _numbers(values: object) -> np.ndarray:
    if isinstance(values, np.ndarray):
        return values
    given = values if isinstance(values, list) else []
    if any(isinstance(one, bool) or not isinstance(one, int | float) for one in given):
        raise Refused(400, "values must be numbers")
    with np.errstate(over="ignore"):
        array = np.array(given, np.float32)
    if not np.isfinite(array).all():
        raise Refused(400, "values must be finite")
    return array


def _sparse(given: dict) -> dict:
    indices, values = given.get("indices"), _numbers(given.get("values"))
    if not indices or len(indices) != len(values):
        raise Refused(400, "Sparse vector must contain at least one value, and as many indices")
    if any(not isinstance(one, int) or not 0 <= one < 2**32 for one in indices) or len(set(indices)) < len(
        indices
    ):
        raise Refused(400, "Sparse indices must be unique unsigned 32-bit integers")
    if len(indices) > 2048:
        raise Refused(400, "Sparse vector size is limited to 2048")
    return {"indices": list(indices), "values": values}


def _metadata(given: dict) -> dict:
    kept = {}
    for key, value in given.items():
        if key.startswith("$"):
            raise Refused(400, f"Metadata key {key!r} may not start with '$'")
        strings = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if not (strings or isinstance(value, str | bool | int | float)):
            raise Refused(
                400,
                "Metadata value must be a string, number, boolean or list of strings, got "
                f"'{json.dumps(value)[:60]}' for field '{key}'",
            )
        kept[key] = value if strings or isinstance(value, str | bool) else float(value)
    if len(json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode()) > 40 * 1024:
        raise Refused(400, "metadata size exceeds the limit of 40960 bytes per vector")
    return kept


def _passes(condition: dict, record: dict) -> bool:
    try:
        return passes(condition, record.get("metadata", {}))
    except BadFilter as error:
        raise Refused(400, str(error)) from None


def _shown(record: dict) -> dict:
    shown = {key: value for key, value in record.items() if key != "sparseValues"}
    if "sparseValues" in record:
        shown["sparseValues"] = dict(record["sparseValues"])
    return shown


def _score(index: FakeIndex, record: dict, dense: list | None, sparse: dict | None) -> float | None:
    score = None
    if index.dimension:
        left, right = np.array(dense, np.float64), record["values"].astype(np.float64)
        if index.metric == "euclidean":
            return float(((left - right) ** 2).sum())
        score = float(left @ right)
        if index.metric == "cosine":
            norms = float(np.linalg.norm(left) * np.linalg.norm(right))
            score = score / norms if norms else 0.0
    if sparse and "sparseValues" in record:
        held = dict(
            zip(record["sparseValues"]["indices"], record["sparseValues"]["values"].tolist(), strict=True)
        )
        shared = [
            held[one] * weight
            for one, weight in zip(sparse["indices"], sparse["values"], strict=True)
            if one in held
        ]
        if shared:
            score = (score or 0.0) + sum(shared)
    return score
