"""Fetch and list, answered from a neutral store. Where there is no such namespace, there is nothing."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from vectormigrate.model.batch import Batch
from vectormigrate.stores.base import Content
from vectormigrate.stores.pinecone.filters import from_json
from vectormigrate.stores.pinecone.wire import requests, responses
from vectormigrate.stores.pinecone.wire.records import Malformed

from .rooms import Room, Shelf

Json = dict[str, Any]

MOST_FETCHED = 1000
"""Ids of one fetch."""
MOST_LISTED = 100
MOST_FOUND = 10_000
"""Records of one page of fetch by metadata."""


async def fetch(shelf: Shelf, namespace: str, body: Json) -> Json:
    """Records by their ids; those that are not there are left out."""
    ids = requests.texts(body, "ids", MOST_FETCHED)
    if not ids:
        raise Malformed("ids must be given")
    room = await shelf.room(namespace)
    vectors = _shown(await room.fetch(ids), room) if room is not None else {}
    return {"vectors": vectors, "usage": responses.USAGE}


async def fetch_by_metadata(shelf: Shelf, namespace: str, body: Json) -> Json:
    """A page of the records that match a filter."""
    if not body.get("filter"):
        raise Malformed("a filter must be given")
    where, after = from_json(body["filter"]), requests.paged(body)
    limit = requests.whole_number(body, "limit", 100, MOST_FOUND)
    room = await shelf.room(namespace)
    vectors: Json = {}
    if room is None:
        return {"vectors": vectors, "usage": responses.USAGE}
    token = None
    async with aclosing(room.pages(where, after, limit=limit)) as pages:
        async for page, _ in pages:
            free = limit - len(vectors)
            if len(page) > free:
                token = room.store.cursor_of(page.ids[free - 1]) if free else token
                vectors |= _shown(page.slice(0, free), room)
                break
            if len(page):
                vectors |= _shown(page, room)
                token = room.store.cursor_of(page.ids[-1])
        else:
            token = None
    answer = {"vectors": vectors, "usage": responses.USAGE}
    return responses.with_next(answer, requests.token_of(token) if token else None)


async def list_ids(shelf: Shelf, namespace: str, body: Json) -> Json:
    """A page of ids in the order of their bytes."""
    prefix, after = requests.text(body, "prefix"), requests.listed_after(body)
    limit = requests.whole_number(body, "limit", MOST_LISTED, MOST_LISTED)
    room = await shelf.room(namespace)
    ids: list[str] = []
    if room is not None and room.sorted:
        ids = await _listed_in_order(room, prefix, after, limit + 1)
    elif room is not None:
        ids = await _listed_by_sorting(room, prefix, after)
    token = requests.list_token(ids[limit - 1], prefix) if len(ids) > limit else None
    answer: Json = {"vectors": [{"id": one} for one in ids[:limit]], "usage": responses.USAGE}
    return responses.with_next(answer, token)


def _shown(batch: Batch, room: Room) -> Json:
    shown = (responses.vector_object(record, room.layout) for record in batch.records())
    return {one["id"]: one for one in shown}


async def _listed_in_order(room: Room, prefix: str, after: str | None, most: int) -> list[str]:
    ids: list[str] = []
    if prefix and after is None:
        ids = [prefix] if len(await room.fetch([prefix])) else []  # the scan begins behind it
    begin = prefix if after is None else max(prefix, after)
    lower = room.store.cursor_of(begin) if begin else None
    async with aclosing(room.pages(None, lower, limit=most, content=Content.IDS)) as pages:
        async for page, _ in pages:
            found = [str(one) for one in page.ids]
            ids += [one for one in found if one.startswith(prefix)]
            if len(ids) >= most or (found and not found[-1].startswith(prefix)):
                break
    return ids[:most]


async def _listed_by_sorting(room: Room, prefix: str, after: str | None) -> list[str]:
    ids: list[str] = []
    async with aclosing(room.pages(content=Content.IDS)) as pages:
        async for page, _ in pages:
            ids += filter(None, (room.text(page, row) for row in range(len(page))))
    return sorted(one for one in ids if one.startswith(prefix) and (after is None or one > after))
