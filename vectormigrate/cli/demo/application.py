"""The application of the demonstration, a process of its own: it knows Qdrant's official client and one host name.

`python -m vectormigrate.cli.demo.application fill URL COLLECTION` puts the data set there. `... live URL COLLECTION` writes
and reads until its standard input closes, then says in one JSON line what it was promised and what it found: every write is
sent again until it is acknowledged, so that it knows what each record of its own must hold.
"""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from qdrant_client import QdrantClient, models

from vectormigrate.model.batch import DenseColumn

from . import dataset

RECORDS = 1500
WRITERS = 2
OWN = 40
"""Records that one writer writes, again and again."""
_PAUSE = 0.004
_AGAIN = 0.05


@dataclass(slots=True)
class Found:
    """What the application saw."""

    writes_acknowledged: int = 0
    writes_lost: int = 0
    """Records that hold something else in the end than what was acknowledged last."""
    stale: int = 0
    """Reads that showed an older state of a record than the one acknowledged before them."""
    resurrected: int = 0
    """Reads that showed a record whose removal had been acknowledged."""
    reads: int = 0
    searches: int = 0
    refused: int = 0
    """Requests that were not answered and sent again."""


class Application:
    """Writers and a reader over one client each, as threads of a web application are."""

    def __init__(self, url: str, collection: str) -> None:
        self._url = url
        self._collection = collection
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._expected: dict[int, int | None] = {}
        self.found = Found()

    def run(self) -> None:
        """Write and read until standard input closes, then look at everything once more."""
        threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        threads.append(threading.Thread(target=self._search))
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self._stop.set()
        for thread in threads:
            thread.join()
        client = _client(self._url)
        ids = list(self._expected)
        points = self._until_acknowledged(lambda: client.retrieve(self._collection, ids, with_payload=True))
        held = {int(point.id): (point.payload or {}).get("turn") for point in points}
        self.found.writes_lost = sum(held.get(one) != turn for one, turn in self._expected.items())

    def _write(self, number: int) -> None:
        client, chance = _client(self._url), random.Random(number)  # noqa: S311 a load, no secret
        vectors = [[chance.random() for _ in range(dataset.DIM)] for _ in range(8)]
        turn = 0
        while not self._stop.is_set():
            turn += 1
            one = 1_000_000 + number * OWN + chance.randrange(OWN)
            roll = chance.random()
            if roll < 0.15:
                self._until_acknowledged(lambda one=one: client.delete(self._collection, [one], wait=True))  # type: ignore[misc] # a default binds it
                self._expect(one, None)
            elif roll < 0.3 and self._expected.get(one) is not None:
                payload = {"turn": turn}
                self._until_acknowledged(
                    lambda one=one, payload=payload: client.set_payload(  # type: ignore[misc] # defaults bind them
                        self._collection, payload, points=[one], wait=True
                    )
                )
                self._expect(one, turn)
            else:
                point = models.PointStruct(
                    id=one, vector=vectors[turn % 8], payload={"turn": turn, "by": number}
                )
                self._until_acknowledged(
                    lambda point=point: client.upsert(self._collection, [point], wait=True)  # type: ignore[misc] # a default binds it
                )
                self._expect(one, turn)
            if turn % 3 == 0:
                self._read(client, one)
            time.sleep(_PAUSE)

    def _expect(self, one: int, turn: int | None) -> None:
        self._expected[one] = turn
        with self._lock:
            self.found.writes_acknowledged += 1

    def _until_acknowledged(self, send: Callable[[], Any]) -> Any:
        while True:
            try:
                return send()
            except Exception:  # noqa: BLE001 whatever it was: an application tries again
                with self._lock:
                    self.found.refused += 1
                time.sleep(_AGAIN)

    def _read(self, client: QdrantClient, one: int) -> None:
        points = self._until_acknowledged(lambda: client.retrieve(self._collection, [one], with_payload=True))
        turn = (points[0].payload or {}).get("turn") if points else None
        expected = self._expected[one]
        with self._lock:
            self.found.reads += 1
            self.found.stale += expected is not None and turn != expected
            self.found.resurrected += expected is None and turn is not None

    def _search(self) -> None:
        client = _client(self._url)
        column = dataset.load().vectors[dataset.VECTOR]
        assert isinstance(column, DenseColumn)
        number = 0
        while not self._stop.is_set():
            vector = column.values[number % RECORDS].tolist()
            number += 1
            self._until_acknowledged(
                lambda vector=vector: client.query_points(self._collection, query=vector, limit=5)  # type: ignore[misc] # a default binds it
            )
            self.found.searches += 1
            print(self.found.searches, flush=True)
            time.sleep(10 * _PAUSE)


def fill(url: str, collection: str) -> None:
    """Put the data set there, with what of its payload is JSON."""
    client, records = _client(url), dataset.load()
    column = records.vectors[dataset.VECTOR]
    assert isinstance(column, DenseColumn)
    client.create_collection(
        collection, vectors_config=models.VectorParams(size=dataset.DIM, distance=models.Distance.COSINE)
    )
    for start in range(0, RECORDS, 250):
        rows = range(start, min(start + 250, RECORDS))
        client.upsert(
            collection,
            models.Batch(
                ids=list(rows),
                vectors=[column.values[row].tolist() for row in rows],
                payloads=[_plain(records.payload[row]) for row in rows],
            ),
            wait=True,
        )


def _plain(payload: dict[str, Any]) -> dict[str, Any]:
    return {
        key: value for key, value in payload.items() if isinstance(value, str | int | float | bool | list)
    }


def _client(url: str) -> QdrantClient:
    return QdrantClient(url=url, timeout=10, check_compatibility=False)


if __name__ == "__main__":
    if sys.argv[1] == "fill":
        fill(*sys.argv[2:])
    else:
        application = Application(*sys.argv[2:])
        application.run()
        print(json.dumps(asdict(application.found)))
