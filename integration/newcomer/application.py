"""The application of the newcomer's way: Qdrant's own client, one host name, and a memory of what it was told.

It knows nothing of any migration. A request that has no answer is asked again until it has one, as an application with a
queue does; so what it remembers is what must be there. On SIGTERM it compares every record and says so; it exits 1 when
something was lost. `fill` makes its collection, `write` goes on until the signal.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import TypeVar

from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

T = TypeVar("T")

NAME = "documents"
WIDTH = 32
RECORDS = 3_000
_PATIENCE = 120.0
"""Seconds for which a request is tried again."""


def record(number: int, version: int) -> models.PointStruct:
    """One document, the same whenever it is asked for."""
    chance = random.Random(f"{number} {version}")
    vector = [chance.gauss(0, 1) for _ in range(WIDTH)]
    payload = {"title": f"document {number}", "version": version, "price": number * 1.25, "tags": ["a", "b"]}
    return models.PointStruct(id=number, vector=vector, payload=payload)


def answered(request: Callable[[], T]) -> T:
    """The answer to a request that is made again for as long as there is none."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            return request()
        except (ResponseHandlingException, UnexpectedResponse):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def fill(client: QdrantClient) -> None:
    """The collection as it was before anybody thought of moving it."""
    client.create_collection(
        NAME, vectors_config=models.VectorParams(size=WIDTH, distance=models.Distance.EUCLID)
    )
    for start in range(0, RECORDS, 500):
        client.upsert(NAME, [record(number, 0) for number in range(start, start + 500)])


def write(client: QdrantClient) -> int:
    """Write, delete and read until told to end; the exit code."""
    over: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: over.append(number))
    versions = dict.fromkeys(range(RECORDS), 0)
    chance = random.Random(1)
    turn = 0
    while not over:
        turn += 1
        number = chance.randrange(RECORDS + 200)
        if turn % 7 == 0:
            answered(lambda number=number: client.delete(NAME, [number]))
            versions.pop(number, None)
        else:
            answered(lambda number=number, turn=turn: client.upsert(NAME, [record(number, turn)]))
            versions[number] = turn
        time.sleep(0.05)
    return compare(client, versions, turn)


def compare(client: QdrantClient, versions: dict[int, int], turns: int) -> int:
    """Whether everything is there as it was written, and nothing else."""
    found, _ = answered(lambda: client.scroll(NAME, limit=2 * RECORDS))
    held = {int(point.id): int(point.payload["version"]) for point in found if point.payload}
    wrong = sorted(
        number for number in held.keys() | versions.keys() if held.get(number) != versions.get(number)
    )
    print(f"the application wrote {turns} times and finds {len(held)} records; wrong: {wrong[:10] or 'none'}")
    return 1 if wrong else 0


def main(url: str, verb: str, key: str) -> int:
    """`fill` or `write` at an address, with the key that the Qdrant there wants."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a key without TLS is worth a warning elsewhere; this is loopback
        client = QdrantClient(url=url, api_key=key, check_compatibility=False, timeout=30)
    if verb == "write":
        return write(client)
    fill(client)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:], os.environ["SOURCE_KEY"]))
