"""Pinecone's own list of its indexes, with those that moved and that it was told to drop: they are still answered here."""

from __future__ import annotations

from contextlib import suppress

import orjson

from vectormigrate.stores.front import Front
from vectormigrate.stores.moved import described
from vectormigrate.stores.raw import HttpResponse

from .indexes import Indexes


async def listed(response: HttpResponse, front: Front, indexes: Indexes, version: str) -> HttpResponse:
    """Its answer, which came uncompressed, in the generation of shapes that was asked for."""
    if response.status != 200 or not front.moved():
        return response
    told = orjson.loads(response.body)
    held = told.get("indexes") or []
    gone = await described(front, [one["name"] for one in held])
    if not gone:
        return response
    for name, shape in gone.items():
        with suppress(ValueError):  # no index that there could be
            held.append({**indexes.described(shape, version), "name": name})
    headers = [pair for pair in response.headers if pair[0].lower() != b"content-length"]
    return HttpResponse(response.status, headers, orjson.dumps({**told, "indexes": held}))
