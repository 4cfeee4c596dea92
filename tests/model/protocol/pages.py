"""Pages: a worker of its own copies the id once, under an intent that may outlive it.

Rules P1 to P9 of page intents. The two places for a page are alike; the second serves a second attempt while the
first is not over. The surprise: what a worker may still read is remembered for each page (READABLE), because the wait
of P2 is its own: all that was acknowledged before the grant is visible to it, whatever others may still read.
"""

from __future__ import annotations

from .state import (
    ADRIFT,
    AGAIN,
    AHEAD,
    BIT,
    DEATHS,
    DONE,
    FRESH,
    INTENT,
    LAPSED,
    LEASE,
    LEASES,
    MARK,
    OPS,
    PAGE_LOSSES,
    PAGES,
    RANGE,
    READ,
    READABLE,
    SCANS,
    SEEN,
    SOURCE,
    TARGET,
    UNSURE,
    VALUES,
    WORKER,
    Guard,
    Intent,
    Mark,
    Moves,
    Op,
    Scenario,
    Worker,
)

WIDTH = UNSURE + 1
NAMES = {PAGES[0]: "page 1", PAGES[1]: "page 2"}
IDLE_WITHOUT_LEASE = frozenset((Worker.GRANTED, Worker.READ, Worker.UNANSWERED))


def stands(state: bytes) -> bool:
    """Whether an intent stands."""
    return bool(state[PAGES[0] + INTENT] or state[PAGES[1] + INTENT])


def leaves(after: bytearray, page: int) -> None:
    """The worker is no more, or waits no more; a write of its that is in the network stays there."""
    if after[page + WORKER] == Worker.SENT:
        after[page + ADRIFT] += 1
    after[page + WORKER] = Worker.NONE
    after[page + LEASE] = after[page + READABLE] = after[page + UNSURE] = 0
    if not after[page + ADRIFT]:
        after[page + READ] = 0


class Pages:
    """What workers, and the daemon for them, can do next."""

    def __init__(self, scenario: Scenario) -> None:
        without = scenario.without
        self._two_at_once = scenario.two_at_once
        self._waits = scenario.page_waits and Guard.PAGE_WAITS not in without
        self._intent_first = Guard.INTENT_BEFORE_READ not in without
        self._close_after_answers = Guard.CLOSE_AFTER_ANSWERS not in without
        self._every_attempt = Guard.EVERY_ATTEMPT not in without
        self._named = Guard.REPORT_NAMES_ATTEMPT not in without
        self._lease_obeyed = Guard.LEASE_OBEYED not in without
        self._lease_awaited = Guard.LEASE_AWAITED not in without
        self._quarantine = Guard.LAPSE_QUARANTINE not in without
        self._copies_again = Guard.LAPSE_COPIES_AGAIN not in without
        self._row_stays = Guard.LAPSED_ROW_STAYS not in without
        self._one_transaction = Guard.ONE_TRANSACTION not in without and not scenario.cursor_first
        self._cursor_first = scenario.cursor_first
        self._lists = scenario.lists
        self._skips_marked = scenario.skips_marked

    def moves(self, state: bytes, out: Moves) -> None:
        for page in PAGES:
            stage = state[page + WORKER]
            if stage:
                self._worker(state, page, stage, out)
                self._faults(state, page, out)
            elif not (state[page + INTENT] or state[page + ADRIFT]):
                self._begin(state, page, out)
            if state[page + INTENT]:
                self._lapse(state, page, out)
            if state[page + ADRIFT]:
                self._late(state, page, out)
        if state[SCANS] and state[RANGE] == DONE:
            after = bytearray(state)
            after[SCANS] -= 1
            after[RANGE] = AGAIN
            out.append(("the range is scanned again", bytes(after)))

    # Granting.

    def _begin(self, state: bytes, page: int, out: Moves) -> None:
        other = PAGES[0] + PAGES[1] - page
        if state[RANGE] == DONE or (state[other + INTENT] and not self._two_at_once):
            return
        if page == PAGES[1] and not (state[other + WORKER] or state[other + INTENT] or state[other + ADRIFT]):
            return  # the places are alike: the first first
        if self._lists:
            self._list(state, page, out)
        elif self._intent_first:
            self._grant(state, page, out)
        elif not state[other + WORKER]:
            for value in VALUES[state[SEEN]]:
                after = bytearray(state)
                after[page : page + WIDTH] = bytes((Worker.GRANTED, Intent.NONE, 1, value, 0, 0, 0))
                out.append((f"{NAMES[page]}: reads {value} without an intent", bytes(after)))

    def _list(self, state: bytes, page: int, out: Moves) -> None:
        for seen in {value > 0 for value in VALUES[state[SEEN]]}:
            after = bytearray(state)
            after[page + WORKER] = Worker.LISTED
            after[page + READ] = seen
            out.append((f"{NAMES[page]}: lists {'the id' if seen else 'nothing'}", bytes(after)))

    def _listed(self, state: bytes, page: int, out: Moves) -> None:
        if state[page + READ]:
            self._grant(state, page, out)
            return
        after = bytearray(state)
        leaves(after, page)
        _pass(after)
        out.append((f"{NAMES[page]}: nothing to copy, the cursor moves", bytes(after)))

    def _grant(self, state: bytes, page: int, out: Moves) -> None:
        skipped = self._skips_marked and state[MARK] == Mark.STANDS
        stage = Worker.ANSWERED if skipped else Worker.GRANTED
        readable = 0 if skipped else self._window(state)
        after = bytearray(state)
        after[page : page + WIDTH] = bytes((stage, Intent.STANDS, 1, 0, readable, 0, 0))
        out.append((f"{NAMES[page]}: intent is committed", bytes(after)))

    def _window(self, state: bytes) -> int:
        """What the worker may read: the wait of P2 promises nothing about a write that is not answered yet."""
        unanswered = Op.APPLIED in (state[OPS[0]], state[OPS[1]])
        return BIT[state[SOURCE]] if self._waits and not unanswered else state[SEEN]

    # Working.

    def _worker(self, state: bytes, page: int, stage: int, out: Moves) -> None:
        if stage == Worker.GRANTED:
            self._read(state, page, out)
        elif stage in (Worker.READ, Worker.UNANSWERED):
            if state[page + LEASE] or not self._lease_obeyed:
                _step(state, page, Worker.SENT, "sends", out)
        elif stage == Worker.SENT:
            after = bytearray(state)
            after[TARGET] = state[page + READ]
            after[page + WORKER] = Worker.APPLIED
            out.append((f"{NAMES[page]}: target applies {state[page + READ]}", bytes(after)))
            if not self._close_after_answers:
                self._report(state, page, out)
        elif stage == Worker.APPLIED:
            _step(state, page, Worker.ANSWERED, "is answered", out)
        elif stage == Worker.ANSWERED:
            self._report(state, page, out)
        elif stage == Worker.LISTED:
            self._listed(state, page, out)
        else:
            self._second_half(state, page, out)
        if stage in IDLE_WITHOUT_LEASE and not state[page + LEASE]:
            after = bytearray(state)
            leaves(after, page)
            out.append((f"{NAMES[page]}: worker gives up, its lease is over", bytes(after)))

    def _read(self, state: bytes, page: int, out: Moves) -> None:
        if not state[page + INTENT] and not self._intent_first:
            after = bytearray(state)
            after[page + INTENT] = Intent.STANDS
            after[page + WORKER] = Worker.READ if state[page + READ] else Worker.ANSWERED
            out.append((f"{NAMES[page]}: intent is committed", bytes(after)))
            return
        for value in VALUES[state[page + READABLE]]:
            after = bytearray(state)
            after[page + READABLE] = 0
            after[page + READ] = value
            after[page + WORKER] = Worker.READ if value else Worker.ANSWERED
            out.append((f"{NAMES[page]}: reads {value}", bytes(after)))

    # Reporting.

    def _report(self, state: bytes, page: int, out: Moves) -> None:
        after = bytearray(state)
        unsure = state[page + UNSURE] and self._every_attempt
        leaves(after, page)
        if not state[page + INTENT]:
            name = self._refused(state, page, after)
        elif unsure:
            name = "reports an unanswered attempt"  # P9: copied, but the intent stands on
            _pass(after)
        elif self._one_transaction:
            name = "reports, its intent is closed"
            after[page + INTENT] = Intent.NONE
            _pass(after)
        else:
            name = self._first_half(after, page)
        out.append((f"{NAMES[page]}: {name}", bytes(after)))

    def _refused(self, state: bytes, page: int, after: bytearray) -> str:
        other = PAGES[0] + PAGES[1] - page
        if self._named or not state[other + INTENT]:
            return "report is refused"
        after[other + INTENT] = Intent.NONE
        _pass(after)
        return f"report closes {NAMES[other]}"

    def _first_half(self, after: bytearray, page: int) -> str:
        after[page + WORKER] = Worker.CLOSING
        if self._cursor_first:
            _pass(after)
            return "reports, the cursor moves"
        after[page + INTENT] = Intent.NONE
        after[LAPSED] = 0
        return "reports, its intent is closed without the cursor"

    def _second_half(self, state: bytes, page: int, out: Moves) -> None:
        after = bytearray(state)
        leaves(after, page)
        after[page + INTENT] = Intent.NONE
        _pass(after)
        out.append((f"{NAMES[page]}: the rest of the close is committed", bytes(after)))

    # Faults.

    def _faults(self, state: bytes, page: int, out: Moves) -> None:
        stage = state[page + WORKER]
        if state[PAGE_LOSSES] and stage in (Worker.SENT, Worker.APPLIED):
            after = bytearray(state)
            after[PAGE_LOSSES] -= 1
            after[page + UNSURE] = 1
            after[page + WORKER] = Worker.UNANSWERED
            after[page + ADRIFT] += stage == Worker.SENT
            out.append((f"{NAMES[page]}: answer is lost", bytes(after)))
        if stage == Worker.CLOSING:
            return
        if state[DEATHS]:
            after = bytearray(state)
            after[DEATHS] -= 1
            leaves(after, page)
            out.append((f"{NAMES[page]}: worker dies", bytes(after)))
        if state[LEASES] and state[page + LEASE] and state[page + INTENT]:
            after = bytearray(state)
            after[LEASES] -= 1
            after[page + LEASE] = 0
            out.append((f"{NAMES[page]}: lease ends", bytes(after)))

    def _lapse(self, state: bytes, page: int, out: Moves) -> None:
        over = not state[page + LEASE] or state[page + INTENT] == Intent.INHERITED or not self._lease_awaited
        if not over or (self._quarantine and _in_the_network(state, page)):
            return
        after = bytearray(state)
        after[page + INTENT] = Intent.NONE
        if not self._copies_again:
            after[RANGE] = DONE
        elif state[RANGE] == FRESH and self._row_stays:
            after[LAPSED] = 1
        out.append((f"{NAMES[page]}: intent lapses", bytes(after)))

    def _late(self, state: bytes, page: int, out: Moves) -> None:
        for name, lands in (("is lost", False), ("lands", True)):
            after = bytearray(state)
            if lands:
                after[TARGET] = state[page + READ]
            after[page + ADRIFT] -= 1
            if not after[page + ADRIFT] and not after[page + WORKER]:
                after[page + READ] = 0
            out.append((f"{NAMES[page]}: late write of {state[page + READ]} {name}", bytes(after)))


def _in_the_network(state: bytes, page: int) -> bool:
    return bool(state[page + ADRIFT]) or state[page + WORKER] == Worker.SENT


def _pass(after: bytearray) -> None:
    """The cursor moves over the cover: nothing else need remember that the target may hold the id."""
    after[RANGE] = DONE
    after[LAPSED] = after[AHEAD] = 0


def _step(state: bytes, page: int, stage: int, name: str, out: Moves) -> None:
    after = bytearray(state)
    after[page + WORKER] = stage
    out.append((f"{NAMES[page]}: {name}", bytes(after)))
