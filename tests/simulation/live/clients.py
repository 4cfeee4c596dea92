"""The application of a simulated installation: it sends requests through the router and remembers what it was told."""

from __future__ import annotations

from vectormigrate.model.errors import StateError, StoreDown, StoreError, Unresolved, VectormigrateError
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.touch import Ids, Matching, Scope, Unnamed, Whole
from vectormigrate.stores.front import Outcome

from .simstore import CLIENT, MARKED, SimStore, batch

POSITIVE = Compare(("n",), Comparison.GT, 0)
"""What a client wrote; what was there at first is negative."""
WIDE = ("predicate", "raise", "clear")
"""Kinds whose ids the request does not name."""


class Clients:
    """All clients. A write is one task, which may be killed with the daemon it talks to."""

    def __init__(self, world):
        self._world = world
        self._values = iter(range(1, 10**9))
        self._picked = iter(range(100, 10**9))

    async def write(self, kind, ids, *, hinted):
        """Send it and note what is heard."""
        CLIENT.set("wide" if kind in WIDE or kind == "add" else "named")
        world, value = self._world, next(self._values)
        history, clock = world.history, world.clock
        removes = kind in ("delete", "predicate", "clear")
        named = [] if kind == "add" else [None] if kind in WIDE else ids
        operations = [history.begin(one, None if removes else value, clock.monotonic()) for one in named]
        outcome = "info"
        answered, began = [], clock.monotonic()
        try:
            if world.router is None:
                outcome = "fail"
                return
            await self._through(kind, ids, value, hinted, answered)
            outcome = "ok"
        except VectormigrateError as error:
            if answered and not isinstance(error, StoreError):
                world.watch.fail(f"I12: the primary took it and the client hears {error!r}")
            outcome = "info" if answered or isinstance(error, Unresolved | StoreDown) else "fail"
        finally:
            if kind == "add" and answered:
                operations = [history.begin(answered[0], value, began)]
            vague = kind in WIDE or kind == "patch"  # not every record matched, or was there
            later = world.terms.visibility if kind == "queued" else 0.0
            for operation in operations:
                history.end(operation, outcome, clock.monotonic() + later)
                if vague and outcome == "ok":
                    operation.outcome = "perhaps"

    async def _through(self, kind, ids, value, hinted, answered):
        world = self._world
        touch = {
            "set": Ids(tuple(ids)),
            "queued": Ids(tuple(ids)),
            "patch": Ids(tuple(ids)),
            "delete": Ids(tuple(ids), removes=True),
            "predicate": Matching(POSITIVE, removes=True),
            "raise": Matching(POSITIVE, removes=False),
            "clear": Whole(Scope.CLEAR),
            "add": Unnamed(),
        }[kind]
        async with world.router.writing({"docs": [touch]}, size=10) as write:
            MARKED.set(world.lane is not None and world.lane.marking)
            store = write.access.store or world.daemon.source
            answered.append(await self._send(store, kind, ids, value))
            if kind == "add":
                await write.named("docs", [answered[0]])
            if hinted and kind in ("set", "delete"):
                # Some records are left out, as a facade leaves out what its vendor may hold a little differently.
                held = {one: value for one in ids if (one + value) % 4} if kind == "set" else {}
                write.hint("docs", lambda: batch(held), 100)
            if kind == "queued":
                write.answered(Outcome.LATE)

    async def _send(self, store, kind, ids, value):
        match kind:
            case "queued" if isinstance(store, SimStore) and self._world.terms.visibility:
                await store.put_later(ids, value, self._world.terms.visibility / 2)
            case "set" | "queued":
                _whole(await store.upsert("docs", batch(dict.fromkeys(ids, value))))
            case "patch":
                await store.patch("docs", ids, {"n": value})
            case "delete":
                await store.delete("docs", ids)
            case "add":
                return await self._add(store, value)
            case _ if isinstance(store, SimStore):
                await self._send_wide(store, kind, value)
            case _:
                await self._resolved(store, kind, value)
        return None

    @staticmethod
    async def _send_wide(store, kind, value):
        """The source's own server knows what matches."""
        if kind == "raise":
            await store.put_matching(lambda one, held: held > 0, value)
        else:
            await store.delete_matching(lambda one, held: kind == "clear" or held > 0)

    async def _resolved(self, store, kind, value):
        """A facade answers from the target: it looks what matches, and writes that."""
        held = [one async for page in store.select("docs", POSITIVE) for one in page.batch.ids]
        if held and kind == "raise":
            _whole(await store.upsert("docs", batch(dict.fromkeys(held, value))))
        elif held:
            await store.delete("docs", held)

    async def _add(self, store, value):
        if isinstance(store, SimStore):
            return await store.add(lambda: next(self._picked), value)
        one = next(self._picked)
        _whole(await store.upsert("docs", batch({one: value})))
        return one

    async def read(self, ids):
        """Read some records: no value may come back that a newer acknowledged one had replaced."""
        CLIENT.set("named")
        world = self._world
        lane, began = world.lane, world.clock.monotonic()
        if lane is None:
            return
        # Some are answered by the secondary; a swap while this waits ends that.
        elsewhere = lane.read_share > 0
        store = world.router.reading("docs").store
        try:
            held = await store.fetch("docs", ids)
        except (StoreError, StateError):
            return
        if world.source.stale or elsewhere:
            return
        rows = {one: payload["n"] for one, payload in zip(held.ids, held.payload, strict=True)}
        wrong = [one for one in ids if not world.history.explains(one, rows.get(one), world.initial, began)]
        if wrong:
            told = {one: [vars(op) for op in world.history.by_id.get(one, [])] for one in wrong}
            world.watch.fail(f"I17: {wrong} are read as {[rows.get(one) for one in wrong]}: {told}")


def _whole(result):
    """A request that was taken in part says so."""
    if result.refused:
        raise Unresolved("some of it was refused")
