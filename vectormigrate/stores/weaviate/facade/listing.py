"""Weaviate's own schema, with the classes that moved and that it was told to drop: they are still answered here."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from vectormigrate.stores.front import Front
from vectormigrate.stores.moved import described
from vectormigrate.stores.raw import HttpResponse

from .classes import described_by
from .names import Place

OPERATION = "list_classes"


async def listed(response: HttpResponse, front: Front) -> HttpResponse:
    """Its answer, which came uncompressed."""
    if response.status != 200:
        return response
    document = msgspec.json.decode(response.body)
    held = document.get("classes") or []
    gone = await described(front, [one["class"] for one in held])
    if not gone:
        return response
    for name, shape in gone.items():
        held.append(described_by(shape, Place(shape.name, name, alone="/" in shape.name)))
    headers = [pair for pair in response.headers if pair[0].lower() != b"content-length"]
    return replace(response, headers=headers, body=msgspec.json.encode({**document, "classes": held}))
