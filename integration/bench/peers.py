"""Against a real peer that can be installed from packages: vecparity, the only one for our pairs that runs today.

`python -m integration.bench.peers [--records N]` installs it into an environment of its own (its requirements are not
ours), gives both the same table, and times both command lines as whole processes, pgvector to pgvector and pgvector to
Milvus Lite. The peer's fixed layout (id, embedding, metadata, updated_at) is used for both, so the work is the same.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from pymilvus import DataType, MilvusClient

from integration.bench.data import DIM
from integration.bench.measure import program
from tests.fakes.milvus import LiteServer
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

OUT = Path(__file__).parent / "out"
PEER = ("vecparity==0.1.0", "psycopg[binary]", "pgvector", "pymilvus==3.0.2")


def install(folder: Path) -> Path:
    """The peer's command, in an environment of its own."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    subprocess.run([str(folder / "bin" / "pip"), "install", "-q", *PEER], check=True)
    return folder / "bin" / "vecparity"


def table(dsn: str, name: str, records: int) -> None:
    """A table of the peer's layout, filled by the server itself."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute(
            f"CREATE TABLE {name} (id text PRIMARY KEY, embedding vector({DIM}), metadata jsonb,"
            " updated_at double precision)"
        )
        connection.execute(
            f"INSERT INTO {name} SELECT 'doc-' || lpad(n::text, 8, '0'),"
            f" (SELECT array_agg(random() - 0.5 + (n + g) * 0) FROM generate_series(1, {DIM}) g)::vector,"
            " jsonb_build_object('section', mod(n, 17), 'title', 'paragraph ' || n), n FROM generate_series(1, %s) n",
            (records,),
        )


def collection(url: str, name: str, vector: str) -> None:
    """A Milvus collection of the peer's layout; its name for the vector is not Postgres' one."""
    client = MilvusClient(url)
    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field(vector, DataType.FLOAT_VECTOR, dim=DIM)
    schema.add_field("metadata", DataType.JSON)
    schema.add_field("updated_at", DataType.DOUBLE)
    index = client.prepare_index_params()
    index.add_index(vector, index_type="FLAT", metric_type="COSINE")
    client.create_collection(name, schema=schema, index_params=index)
    client.close()


def peer(command: Path, source: str, target: str, environment: dict[str, str]) -> float:
    """Seconds of the peer's whole process."""
    began = time.perf_counter()
    subprocess.run(
        [str(command), "migrate", "--from", source, "--to", target],
        env={**os.environ, **environment},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - began


def main() -> None:
    """Time both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=20_000)
    records = parser.parse_args().records
    rows = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vectormigrate-peers-")))
        folder.chmod(0o755)
        command = install(folder / "peer")
        postgres = EmbeddedPostgres(folder / "postgres")
        postgres.start()
        stack.callback(postgres.stop)
        server = LiteServer(folder / "milvus").start()
        stack.callback(server.stop)
        dsn = postgres.dsn
        table(dsn, "docs", records)
        for target in ("pgvector", "milvus"):
            for who, vector in (("theirs", "vector"), ("ours", "embedding")):
                if target == "pgvector":
                    table(dsn, who, 0)
                else:
                    collection(server.url, who, vector)
            ours = program(
                *(
                    "migrate",
                    f"to-{target}",
                    "--source-type",
                    "pgvector",
                    "--source-url",
                    dsn,
                    "--source-index",
                    "docs",
                ),
                *("--target-type", target, "--target-url", dsn if target == "pgvector" else server.url),
                *("--target-index", "ours", "--batch-size", "1000"),
                state=folder / f"{target}.db",
            )
            addresses = {"PGVECTOR_DSN": dsn, "MILVUS_URI": server.url}
            theirs = peer(command, "pgvector://docs", f"{target}://theirs", addresses)
            rows.append({"target": target, "records": records, "ours": ours.wall, "theirs": theirs})
            print(
                f"pgvector -> {target}: ours {records / ours.wall:,.0f}/s, vecparity {records / theirs:,.0f}/s:"
                f" {theirs / ours.wall:.1f} times as fast",
                flush=True,
            )
    OUT.mkdir(exist_ok=True)
    stamp = datetime.now(UTC)
    (OUT / f"peers-{stamp:%Y%m%dT%H%M%S}.json").write_text(
        json.dumps({"at": stamp.isoformat(), "rows": rows}, indent=2)
    )


if __name__ == "__main__":
    main()
