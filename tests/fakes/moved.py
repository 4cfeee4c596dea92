"""A whole move between two collections of one store, as an engine makes it and without one: looked at, made, copied, indexed."""

from __future__ import annotations

from contextlib import aclosing

from vectormigrate.engine import preflight
from vectormigrate.model.mapping import MappingOptions, Translator
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.stores.base import EVERYWHERE

from .clock import FakeClock


async def moved(store, source, target, **mapping):
    """The notes of the plan, once everything of it has happened and every record has arrived."""
    kind = store.capabilities.kind
    spec = Specification(
        "move",
        StoreRef(kind, store.endpoint.url, source),
        StoreRef(kind, store.endpoint.url, target),
        MappingOptions(**mapping),
    )
    found = await preflight.examine(spec, store, store, FakeClock().monotonic)
    preflight.check_startable(spec, found)
    told = await preflight.document(spec, found, store, workers=1)
    await store.create(found.mapping.target)
    translator = Translator(found.mapping, store.capabilities)
    async with aclosing(store.scan(source, EVERYWHERE)) as pages:
        async for page in pages:
            translation = translator(page.batch)
            assert not translation.refused
            assert not (await store.upsert(target, translation.batch)).refused
    await store.finish_load(found.mapping.target)
    assert await store.count(target) == found.total
    return told.notes
