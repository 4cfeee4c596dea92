"""The watch kept over a simulated installation: the invariants of the protocol, looked at in the moment they could break.

It sees what no part of the program sees: every request in the network, dead senders' included, both databases as they
are, and the state file at each commit. It never speaks to the program.

| | looked at | how |
|---|---|---|
| I1 | send and apply of a client's write | each id has its row in the journal, or a scope intent stands |
| I2, I3 | apply, commit | an id without a mark in a range that was copied is the same on both sides |
| I4, I7 | commit that clears | no write of the id is on its way to the primary, no replay of it to the secondary; it was read with nothing in its way |
| I5 | commit | the generation of an id in the journal never falls |
| I6 | send of a replay | no other replay of the id is under way in this process |
| I8, I9 | commit that moves a cursor | as I2: what lies behind the cursor is equal or marked |
| I10 | page read | a committed intent covered the records when the read began, and T_vis had passed |
| I12 | end of a client's request | what the primary answered is what the client hears |
| I14 | apply to the target | a foreign record stays, or its pre-image is in the file |
| I16 | commit of the bit | fence up, journal and intents empty, no gap, nothing in the network |
| I17 | reads, end | a value is explained by some order of the writes |
| I18 | commit | one side a revision |
| I19 | end of a rollback | nothing of ours is left |
| I20 | send, apply | behind the commit no write reaches the source |
| I21 | a validation | confirms nothing on a pair that is kept equal |
| I22 | end | a full validation counts each record once |
| I23 | commit | a dead letter is in the journal |
| I24 | send of a client's write | as I1: else the gap flag is up; when it lands it still is |
| I25 | every step | entries and hints stay under their limits |
| I26 | commit | phases move along the table, each move with an audit row |
| I27 | end | everything is paid in bounded time |
| I28 | send | whoever compares does not write |
| I30 | commit | cursors, counts, revisions and epochs never fall |
| I31 | apply, commit | the target holds nothing that the file does not own |
| IP1 | send and apply of a page | a standing intent covers each id |
| IP2 | commit that clears | as I7: it was read while no intent covered it |
| IP3 | commit of a lapse | no write of a page is in the network |
| IP4 | commit that removes an intent | as IP3 for its cover; that nothing is forgotten is I31 |

Not here: I11 (there are no epochs of collections; page-intents.md section 6 says what stands in their place, and I2 is
what it is for), I13 (a matter of time, measured by the benchmark), I15 (a matter of the plan, tested with the model of
mappings; here ids stay as they are), I29 (a kernel lock, tested with the state file), IP5 (a unique column).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from vectormigrate.model.phase import TRANSITIONS, Phase
from vectormigrate.model.record import id_text, parse_id

_OVER = (Phase.ROLLING_BACK, Phase.ROLLED_BACK, Phase.ABORTED, Phase.COMMITTED)
_UNPLANNED = (Phase.CREATED, Phase.PREFLIGHT, Phase.PASSTHROUGH)


class Violation(AssertionError):
    """An invariant does not hold."""


@dataclass
class Held:
    """The state file at its last commit, as plain values."""

    phase: Phase = Phase.CREATED
    reconcile: bool = False
    journal: set = field(default_factory=set)
    """Ids that are marked, in the journal or on a sheet."""
    rows: dict = field(default_factory=dict)
    """Id to its epoch and sequence in the journal."""
    scopes: dict = field(default_factory=dict)
    """Number to state."""
    intents: dict = field(default_factory=dict)
    """Number to (lower, upper, standing)."""
    ranges: list = field(default_factory=list)
    """(lower, upper, cursor, done, copied)."""
    side: str = "source"
    revision: int = 0
    dead: set = field(default_factory=set)
    ahead: set = field(default_factory=set)
    moves: int = 0

    @classmethod
    def of(cls, tx):
        phase, reconcile = tx.execute("SELECT phase, needs_reconcile FROM migration").fetchone() or (
            "created",
            0,
        )
        side, revision = tx.execute("SELECT side, revision FROM primary_side").fetchone() or ("source", 0)
        return cls(
            Phase(phase),
            bool(reconcile),
            {
                parse_id(one)
                for (one,) in tx.execute(
                    "SELECT id FROM journal UNION SELECT value FROM sheet, json_each(sheet.ids)"
                )
            },
            {
                parse_id(one): (epoch, sequence)
                for one, epoch, sequence in tx.execute("SELECT id, epoch, sequence FROM journal")
            },
            dict(tx.execute("SELECT number, state FROM scope_intent")),
            {
                number: (_key(lower), _key(upper), state == "standing")
                for number, lower, upper, state in tx.execute(
                    "SELECT number, lower, upper, state FROM page_intent"
                )
            },
            [
                (_key(lower), _key(upper), _key(cursor), done, copied)
                for lower, upper, cursor, done, copied in tx.execute(
                    "SELECT lower, upper, cursor, done, copied FROM range ORDER BY number"
                )
            ],
            side,
            revision,
            {parse_id(one) for (one,) in tx.execute("SELECT id FROM dead_letter")},
            {parse_id(one) for (one,) in tx.execute("SELECT id FROM ahead")},
            tx.execute("SELECT count(*) FROM audit WHERE verb = 'move'").fetchone()[0],
        )

    def behind(self, one):
        """Whether the copy has passed this id."""
        for lower, upper, cursor, done, _ in self.ranges:
            if (lower is None or one > lower) and (upper is None or one <= upper):
                return bool(done) or (cursor is not None and one <= cursor)
        return False

    def covered(self, one, *, lapsed=False, but=()):
        """Whether the row of a page holds this id."""
        return any(
            (lower is None or one > lower) and (upper is None or one <= upper)
            for number, (lower, upper, stands) in self.intents.items()
            if (stands or lapsed) and number not in but
        )


def _key(cursor):
    return None if cursor is None else parse_id(cursor)


class Watch:
    """All of it, for one world."""

    def __init__(self, world):
        self.world = world
        self.held = Held()
        self.wrong = None
        """The first violation."""
        self.busy = {}
        """Id to how many replays write it now."""
        self.looks = {}
        """Id to what stood in the way of each read of it by a replay, since it was cleared last."""
        self.read = {}
        """Id to the replay that read it last."""
        self.sides = {0: "source"}
        self.reopened = set()
        self.granted = {}
        """Intent to when it was committed."""

    # What holds of the two databases.

    @property
    def primary(self):
        return self.world.source if self.held.side == "source" else self.world.target

    @property
    def secondary(self):
        return self.world.target if self.held.side == "source" else self.world.source

    @property
    def excused(self):
        """Something is owed to a comparison."""
        return bool(self.world.gap.named or self.held.scopes or self.held.reconcile)

    @staticmethod
    def on_their_way(link, one, sender, *, before=float("inf")):
        """Whether a write of this id is in the network."""
        return any(
            one in message.ids and message.sender == sender and message.sent < before
            for message in link.under_way.values()
        )

    def equal(self, one):
        """Whether the two databases agree on this id, as far as they should."""
        world, here, there = self.world, self.world.source.rows.get(one), self.world.target.rows.get(one)
        if one in world.foreign and (here is None or world.skips):
            return there == world.foreign[one]
        return here == there

    def quiet(self, when):
        """I2, I3, I8, I9."""
        held = self.held
        if held.phase in _OVER or held.phase in _UNPLANNED or self.excused:
            return
        for one in self.world.ids():
            if one not in held.journal and held.behind(one) and not self.equal(one):
                name = "I3" if self.primary.rows.get(one) is None else "I2"
                self._wrong(f"{name} ({when})", one)

    def owned(self, when):
        """I31."""
        held = self.held
        if held.side == "target" or held.phase in _UNPLANNED or held.phase in _OVER[1:] or self.excused:
            return
        for one in self.world.target.rows:
            known = (
                one in self.world.foreign
                or one in held.journal
                or one in held.ahead
                or held.covered(one, lapsed=True)
                or (one in self.world.source.rows and (held.behind(one) or one in self.reopened))
            )
            if not known and held.phase is not Phase.ROLLING_BACK:
                self._wrong(f"I31 ({when})", one)

    def _wrong(self, name, one):
        source, target = self.world.source.rows.get(one), self.world.target.rows.get(one)
        self.fail(f"{name}: id {one} is {source} in the source and {target} in the target")

    def fail(self, text):
        """Say so, and keep the first: who raises it may be dead, or nobody's task."""
        self.wrong = self.wrong or Violation(text)
        raise self.wrong

    # In the network.

    def begin(self, sender, link, ids):
        """A write leaves its caller."""
        if sender != "replay":
            return
        for one in ids:
            if self.read.get(one) is not asyncio.current_task():  # by a hint
                self.looks.setdefault(one, []).append(None)
            if self.busy.get(one):
                self.fail(f"I6: two replays of {one} are under way")
            self.busy[one] = self.busy.get(one, 0) + 1

    def end(self, sender, link, ids):
        """Its caller knows, or gave up, or is dead."""
        if sender == "replay":
            for one in ids:
                self.busy[one] = self.busy.get(one, 1) - 1

    def sent(self, message):
        """It is in the network."""
        held, world = self.held, self.world
        match message.sender:
            case "client":
                self._sent_by_client(message)
            case "page":
                self._page(message, "sent")
            case "compare":
                self.fail(f"I28: {message.ids} are written by a comparison")
            case "conductor" if held.phase is not Phase.ROLLING_BACK:
                self.fail(f"I28: {message.ids} are written in phase {held.phase}")
        if message.link is world.source and held.phase is Phase.COMMITTED:
            self.fail(f"I20: {message.ids} are written to the source behind the commit")

    def _sent_by_client(self, message):
        if not message.marked or self.held.phase is Phase.COMMITTED:  # behind it nothing is owed any more
            return
        message.gapped = bool(self.world.gap.named)
        if not (message.gapped or self._known(message)):
            self.fail(f"I1, I24: {message.ids} leave without a mark")

    def _known(self, message):
        if message.wide:
            return any(state != "registered" for state in self.held.scopes.values()) or (
                message.landed is not None and all(one in self.held.journal for one in message.ids)
            )
        return all(one in self.held.journal for one in message.ids)

    def applied(self, message):
        """It is in the database."""
        world = self.world
        if message.sender == "client":
            if message.marked and self.held.phase not in _OVER and message.link is self.primary:
                self._landed(message)
            if message.link is not self.primary and message.marked:
                self.fail(f"I16: {message.ids} are written to the secondary by a client")
            if message.link is world.source and self.held.phase is Phase.COMMITTED:
                self.fail(f"I20: {message.ids} land in the source behind the commit")
        if message.sender == "page":
            self._page(message, "applied")
        if message.link is world.target:
            self._foreign(message)
        self.owned("apply")
        self.quiet("apply")

    def _landed(self, message):
        if not (self._known(message) or self.world.gap.named):
            name = "I24: the gap" if message.gapped else "I1: the mark"
            self.fail(f"{name} is gone when {message.ids} land")

    def _page(self, message, how):
        bare = [one for one in message.ids if not self.held.covered(one)]
        if bare:
            self.fail(f"IP1: {bare} of a page are {how} without a standing intent")

    def _foreign(self, message):
        world = self.world
        for one in message.ids:
            if one not in world.foreign or world.target.rows.get(one) == world.foreign[one]:
                continue
            kept = world.database.read(
                lambda tx, one=one: (
                    tx.execute("SELECT count(*) FROM pre_image WHERE id = ?", (id_text(one),)).get
                )
            )
            if world.skips or not kept:
                self.fail(f"I14: the foreign record {one} is {world.target.rows.get(one)}")

    # Reads.

    def fetching(self, store, ids):
        """A read by id begins."""
        if store.who != "replay" or store.link is not self.primary:
            return
        for one in ids:
            self.read[one] = asyncio.current_task()
            self.looks.setdefault(one, []).append(self._in_the_way(one))

    def _in_the_way(self, one):
        began = asyncio.current_task().born  # a replay is one task, made in the moment it is judged
        if self.on_their_way(self.primary, one, "client", before=began):
            return "I7: a write was in flight when its replay began"
        if self.on_their_way(self.secondary, one, "replay", before=began):
            return "I7: an earlier replay was under way when its replay began"
        if self.held.covered(one, but=[number for number, at in self.granted.items() if at >= began]):
            return "IP2: a page stood over it when its replay began"
        return None

    def scanned(self, store, ids, began):
        """A page was read."""
        if store.who != "page" or store.link is not self.world.source:
            return
        for one in ids:
            grants = [
                self.granted[number]
                for number, (lower, upper, standing) in self.held.intents.items()
                if standing and (lower is None or one > lower) and (upper is None or one <= upper)
            ]
            if not grants or min(grants) + self.world.terms.visibility > began + 1e-6:
                self.fail(f"I10: {one} was read before its page was granted")

    # In the state file.

    def committed(self, tx):
        """A transaction is durable."""
        before, self.held = self.held, Held.of(tx)
        self._moved(before)
        self._marks(before)
        self._pages(before)
        self._roles(before)
        letters = self.held.dead - self.held.journal
        if letters and not self.excused and self.held.phase not in _OVER:
            self.fail(f"I23: {letters} are dead letters without a mark")
        self.quiet("commit")
        self.owned("commit")

    def _moved(self, before):
        held = self.held
        if held.phase is not before.phase:
            if held.phase not in TRANSITIONS[before.phase]:
                self.fail(f"I26: {before.phase} to {held.phase}")
            if held.moves != before.moves + 1:
                self.fail(f"I26: {before.phase} to {held.phase} without its audit row")
        for old, new in zip(before.ranges, held.ranges, strict=False):
            if new[4] < old[4] or (old[2] is not None and (new[2] is None or new[2] < old[2])):
                self.fail(f"I30: a range went back from {old} to {new}")
            if old[3] and not new[3]:
                self.reopened = set(self.world.ids())

    def _marks(self, before):
        held = self.held
        for one in before.rows.keys() & held.rows.keys():
            if held.rows[one] < before.rows[one]:
                self.fail(f"I5: the generation of {one} falls to {held.rows[one]}")
        if held.phase in _OVER:
            return
        for one in before.journal - held.journal:
            self._cleared(one)

    def _cleared(self, one):
        looks = self.looks.pop(one, [])
        spared = self.world.skips and one in self.world.foreign
        if looks and all(looks) and not spared:
            self.fail(f"{looks[-1]}, and {one} is cleared")
        if self.world.gap.named:
            return  # it stands for what left without a mark while this clear was on its way to the disk
        if self.on_their_way(self.primary, one, "client"):
            self.fail(f"I4, I7: {one} is cleared with a write of it in flight")
        if self.on_their_way(self.secondary, one, "replay"):
            self.fail(f"I7: {one} is cleared with a replay of it in the network")
        if not self.excused and not self.equal(one):
            self._wrong("I4 (cleared)", one)

    def _pages(self, before):
        held = self.held
        for number in held.intents.keys() - before.intents.keys():
            self.granted[number] = self.world.clock.monotonic()
        for number, (lower, upper, stood) in before.intents.items():
            stands = number in held.intents and held.intents[number][2]
            if stood and not stands:
                self._no_page_of(lower, upper, "IP4" if number not in held.intents else "IP3")

    def _no_page_of(self, lower, upper, name):
        for message in self.world.target.under_way.values():
            if message.sender == "page" and any(
                (lower is None or one > lower)
                and (upper is None or one <= upper)
                and not self.held.covered(one)
                for one in message.ids
            ):
                self.fail(f"{name}: a page goes while {message.ids} of it are in the network")

    def _roles(self, before):
        held = self.held
        if held.revision < before.revision:
            self.fail(f"I30: revision {before.revision} to {held.revision}")
        if self.sides.setdefault(held.revision, held.side) != held.side:
            self.fail(f"I18: two primaries at revision {held.revision}")
        if held.side != before.side:
            self._bit(before)

    def _bit(self, before):
        held, world = self.held, self.world
        # A deletion of nothing, which only asks how far the server is, may land whenever it likes.
        waiting = [
            message
            for link in (world.source, world.target)
            for message in link.under_way.values()
            if message.ids or message.wide
        ]
        noes = {
            "the fence is down": not world.lane.fence.closed,
            f"marked: {sorted(before.journal)}": bool(before.journal),
            "a scope intent stands": bool(before.scopes),
            "a gap is open": bool(world.gap.named),
            "a page stands": any(standing for _, _, standing in held.intents.values()),
            f"in the network: {[(one.sender, one.ids) for one in waiting]}": bool(waiting),
        }
        wrong = [no for no, there in noes.items() if there]
        if wrong:
            self.fail(f"I16: the primary changes while {'; '.join(wrong)}")

    def killed(self):
        """The process is gone, and what it knew."""
        self.busy.clear()
