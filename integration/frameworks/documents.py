"""What the applications keep and ask, and the loop by which a test tells them what to do. Needs no package.

A process reads one command a line from standard input, `{"do": "write", "at": {...}}`, and answers in one line of JSON.
`at` says where: `kind`, `url`, `collection`, and `grpc_port`, `metric` where they matter.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

DIM = 8
COUNT = 30
QUERIES = ("first question", "second question", "third question")
SPACE = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
ADDED = frozenset({"_id", "_collection_name", "pk", "id"})
"""What store classes put into the metadata that they return, besides the application's own."""


@dataclass(frozen=True)
class Kept:
    """One document of the application."""

    id: str
    text: str
    metadata: dict[str, Any]
    document: str
    """Of which it is a part."""


def kept() -> list[Kept]:
    """All of them: text beyond ASCII, text of one letter and a long one, metadata of every kind that every store class takes."""
    return [
        Kept(
            str(uuid5(SPACE, str(number))),
            {0: "é", 1: "a long one \U0001f600\n" * 300}.get(number, f'The text "{number}",\n with a tab\t.'),
            {
                "source": f"folder/file {number % 4}.txt",
                "page": number,
                "score": number / 8 + 0.0625,
                "draft": number % 2 == 0,
                "lang": "ελ" if number % 3 else "en",
            },
            f"document-{number % 5}",
        )
        for number in range(COUNT)
    ]


def vector(text: str) -> list[float]:
    """The embedding of a text: of length one, the same in every process."""
    drawn = random.Random(text)
    numbers = [drawn.gauss(0, 1) for _ in range(DIM)]
    length = sum(number * number for number in numbers) ** 0.5
    return [number / length for number in numbers]


def told(
    documents: list[dict[str, Any]], order: dict[str, list[Any]], filtered: dict[str, list[Any]]
) -> dict[str, Any]:
    """What an application read: documents with their ids, the order of each search, what each filter lets through."""
    return {
        "documents": sorted(documents, key=lambda one: str(one["metadata"]["page"]).zfill(4)),
        "order": order,
        "filtered": {name: sorted(found, key=str) for name, found in filtered.items()},
    }


def plain(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata without what the class added, and without our own notes, which are seen where metadata lies flat."""
    return {
        key: value
        for key, value in sorted(metadata.items())
        if key not in ADDED and not key.startswith("_vm_")
    }


def serve(verbs: dict[str, Callable[..., Any]]) -> None:
    """Do what standard input says until it ends."""
    answers = sys.stdout
    for line in sys.stdin:
        command = json.loads(line)
        try:
            with contextlib.redirect_stdout(sys.stderr):
                told = json.dumps({"answer": verbs[command.pop("do")](**command)})
        except Exception:  # noqa: BLE001 whatever a framework raises is the test's to see
            told = json.dumps({"failed": traceback.format_exc()[-4000:]})
        answers.write(told + "\n")
        answers.flush()
