"""A Qdrant server: its REST API over HTTP/1.1 and the part of its gRPC API that moves records, on loopback ports.

`python -m tests.fakes.qdrant` runs one on its own. It keeps nothing on disk but what the engine needs while it runs.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import orjson

from .collection import Collection
from .refusal import Refused, missing_collection

VERSION = "1.19.0"
MAX_BODY = 32 * 1024 * 1024


def _memory_folder() -> str | None:
    """Where files cost no disk, if there is such a place: a collection is dozens of sparse files."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


class Database:
    """Collections and aliases by name, and what the REST API does with them."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="vectormigrate-qdrant-", dir=_memory_folder()))
        self.collections: dict[str, Collection] = {}
        self.aliases: dict[str, str] = {}
        self._made = 0
        self._lock = threading.Lock()

    def close(self) -> None:
        for collection in self.collections.values():
            collection.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def collection(self, name: str) -> Collection:
        found = self.collections.get(self.aliases.get(name, name))
        if found is None:
            raise missing_collection(name)
        return found

    def create(self, name: str, body: dict[str, Any]) -> bool:
        with self._lock:
            if name in self.collections:
                raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
            self._made += 1
            self.collections[name] = Collection(self._folder / str(self._made), body)
            return True

    def drop(self, name: str) -> bool:
        with self._lock:
            found = self.collections.pop(name, None)
            if found is not None:
                found.close()
                shutil.rmtree(found.path)
                self.aliases = {alias: held for alias, held in self.aliases.items() if held != name}
            return found is not None

    def alias(self, body: dict[str, Any]) -> bool:
        for action in body["actions"]:
            ((word, given),) = action.items()
            if word == "create_alias":
                self.collection(given["collection_name"])
                self.aliases[given["alias_name"]] = given["collection_name"]
            elif word == "delete_alias":
                self.aliases.pop(given["alias_name"], None)
            else:
                self.aliases[given["new_alias_name"]] = self.aliases.pop(given["old_alias_name"])
        return True

    def list_aliases(self, collection: str = "") -> dict[str, Any]:
        return {
            "aliases": [
                {"alias_name": alias, "collection_name": name}
                for alias, name in self.aliases.items()
                if collection in ("", name)
            ]
        }


_ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/collections", lambda db, _: {"collections": [{"name": name} for name in db.collections]}),
    ("GET", "/aliases", lambda db, _: db.list_aliases()),
    ("POST", "/collections/aliases", lambda db, body: db.alias(body)),
    ("GET", "/collections/{c}", lambda db, _, c: db.collection(c).info()),
    ("GET", "/collections/{c}/exists", lambda db, _, c: {"exists": c in db.collections or c in db.aliases}),
    ("GET", "/collections/{c}/aliases", lambda db, _, c: db.list_aliases(c)),
    ("PUT", "/collections/{c}", lambda db, body, c: db.create(c, body)),
    ("PATCH", "/collections/{c}", lambda db, _, c: bool(db.collection(c))),
    ("DELETE", "/collections/{c}", lambda db, _, c: db.drop(c)),
    ("PUT", "/collections/{c}/index", lambda db, body, c: db.collection(c).create_index(body)),
    ("PUT", "/collections/{c}/points", lambda db, body, c: db.collection(c).upsert(body)),
    ("POST", "/collections/{c}/points", lambda db, body, c: db.collection(c).retrieve(body)),
    ("POST", "/collections/{c}/points/scroll", lambda db, body, c: db.collection(c).scroll(body)),
    ("POST", "/collections/{c}/points/count", lambda db, body, c: db.collection(c).count(body)),
    ("POST", "/collections/{c}/points/query", lambda db, body, c: db.collection(c).query(body)),
    (
        "POST",
        "/collections/{c}/points/query/batch",
        lambda db, body, c: [db.collection(c).query(one) for one in body["searches"]],
    ),
    ("POST", "/collections/{c}/points/delete", lambda db, body, c: db.collection(c).delete(body)),
    ("POST", "/collections/{c}/points/payload", lambda db, body, c: db.collection(c).set_payload(body)),
    ("PUT", "/collections/{c}/points/payload", lambda db, body, c: db.collection(c).overwrite_payload(body)),
    (
        "POST",
        "/collections/{c}/points/payload/delete",
        lambda db, body, c: db.collection(c).delete_payload(body),
    ),
    (
        "POST",
        "/collections/{c}/points/payload/clear",
        lambda db, body, c: db.collection(c).clear_payload(body),
    ),
    ("PUT", "/collections/{c}/points/vectors", lambda db, body, c: db.collection(c).update_vectors(body)),
    (
        "POST",
        "/collections/{c}/points/vectors/delete",
        lambda db, body, c: db.collection(c).delete_vectors(body),
    ),
    ("POST", "/collections/{c}/points/batch", lambda db, body, c: db.collection(c).batch(body)),
    ("GET", "/collections/{c}/points/{id}", lambda db, _, c, id: _one(db.collection(c), id)),
]
_COMPILED = [
    (method, re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)), answer)
    for method, path, answer in _ROUTES
]


def _one(collection: Collection, text: str) -> Any:
    point_id = int(text) if text.isdecimal() else text
    found = collection.retrieve({"ids": [point_id], "with_vector": True})
    if not found:
        raise Refused(404, f"Not found: Point with id {text} does not exists!")
    return found[0]


def respond(database: Database, method: str, path: str, body: bytes) -> Any:
    """The result of a REST request. Raises Refused."""
    if len(body) > MAX_BODY:
        raise Refused(
            400, f"JSON payload ({len(body)} bytes) is larger than allowed (limit: {MAX_BODY} bytes)."
        )
    try:
        given = json.loads(body, parse_constant=_no_constant) if body else {}
    except ValueError as error:
        raise Refused(400, f"Format error in JSON body: {error}") from None
    for wanted, pattern, answer in _COMPILED:
        found = pattern.fullmatch(path)
        if found and wanted == method:
            names = {name: unquote(text) for name, text in found.groupdict().items()}
            try:
                return answer(database, given, **names)
            except (KeyError, TypeError) as error:
                raise Refused(400, f"Format error in JSON body: {error!r}") from error
    raise Refused(404, "")


def _no_constant(text: str) -> Any:
    raise ValueError(f"expected value, not {text}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: QdrantServer

    def log_message(self, *_: object) -> None:
        """Nothing: tests read their own output."""

    def _answer(self) -> None:
        started = time.monotonic()
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = urlsplit(self.path)
        self.server.seen.append((self.command, self.path, dict(self.headers.items()), body))
        if parts.path == "/":
            return self._send(
                200, orjson.dumps({"title": "qdrant - vector search engine", "version": self.server.version})
            )
        if self.server.api_key and self.headers.get("api-key") != self.server.api_key:
            word = (
                "Invalid API key or JWT"
                if self.headers.get("api-key")
                else "Must provide an API key or an Authorization bearer token"
            )
            return self._send(401, word.encode(), "text/plain")
        status, result, said = 200, None, "ok"
        try:
            fault = self.server.fault and self.server.fault(self.command, parts.path)
            if fault:
                raise fault
            parse_qs(parts.query, strict_parsing=bool(parts.query))
            result = respond(self.server.database, self.command, parts.path, body)
        except Refused as refused:
            status, said = refused.status, {"error": refused.message}
        envelope = {"result": result, "status": said, "time": time.monotonic() - started}
        if status == 404 and not said["error"]:
            return self._send(404, b"", "text/plain")
        return self._send(status, orjson.dumps(envelope, option=orjson.OPT_SERIALIZE_NUMPY, default=_plain))

    def _send(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        if status == 429:
            self.send_header("retry-after", "3")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 the names that http.server looks for


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(type(value).__name__)


class QdrantServer(ThreadingHTTPServer):
    """The server; `start` it, and `stop` it. `fault` may refuse a request by method and path; `seen` remembers all."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, api_key: str = "", *, grpc: bool = True) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.database = Database()
        self.api_key = api_key
        self.version = VERSION
        self.fault: Callable[[str, str], Refused | None] | None = None
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        self.grpc_port = 0
        self._grpc = None
        if grpc:
            from .rpc import serve_grpc

            self._grpc, self.grpc_port = serve_grpc(self)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def start(self) -> QdrantServer:
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()
        if self._grpc is not None:
            self._grpc.stop(None).wait()
        self.database.close()
