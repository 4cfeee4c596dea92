"""Which scenarios are walked, and how short the story is without each guard.

`SMALL` is for every commit (seconds), `LARGE` for `make integration` (minutes, up to some gigabytes). The surprise: a
removed guard has two numbers. A copy that stays wrong is one thing; a record in the target that no table owns is
another, often sooner, and for the last two rules the only one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from .state import DELETE, PATCH, SET, Guard, Scenario


@dataclass(frozen=True)
class Removal:
    """A guard, the least that can go wrong without it, and the steps to a wrong settled state and to an orphan."""

    guard: Guard
    scenario: Scenario
    copy: int | None = None
    orphan: int | None = None

    def looking_for(self, *, orphans: bool) -> Scenario:
        """The scenario without the guard, in which only wrong copies are wrong, or only orphans."""
        without = frozenset({self.guard})
        return replace(self.scenario, without=without, copies=not orphans, ownership=orphans)

    @property
    def needs(self) -> str:
        """Who writes, and with which fault."""
        return "; ".join([" and ".join(self.scenario.writers), *faults(self.scenario)])

    @property
    def row(self) -> str:
        """For the page of the protocol."""
        return f"| {self.guard} | {self.needs} | {self.copy or '-'} | {self.orphan or '-'} |"


BUDGETS = {
    "kills": "kill",
    "source_losses": "lost source answer",
    "target_losses": "lost replay answer",
    "page_losses": "lost page answer",
    "deaths": "worker death",
    "leases": "lease end",
    "marks": "reconciler mark",
    "scans": "second scan",
}
OPTIONS = {
    "in_process": (True, "pages in process"),
    "two_at_once": (True, "two attempts at once"),
    "lists": (True, "explicit ids"),
    "skips_marked": (True, "marked ids skipped"),
    "cursor_first": (True, "cursor before row"),
    "foreign": (True, "wrong record in the target before"),
    "rejections": (False, "no rejections"),
    "hints": (False, "no hints"),
    "barriers": (False, "no barriers"),
    "page_waits": (False, "clears wait instead of pages"),
    "judged": ("send", "P3 judged at the send"),
    "initial": (0, "record is new"),
}


def faults(scenario: Scenario) -> list[str]:
    """The faults that may happen, in words."""
    counts = {words: getattr(scenario, name) for name, words in BUDGETS.items()}
    return [words if count == 1 else f"{count} of {words}" for words, count in counts.items() if count]


def described(scenario: Scenario) -> str:
    """The scenario in words."""
    options = [words for name, (value, words) in OPTIONS.items() if getattr(scenario, name) == value]
    return "; ".join(
        filter(None, (" and ".join(scenario.writers), ", ".join(faults(scenario)), ", ".join(options)))
    )


def one(*writers: str, **more: object) -> Scenario:
    return Scenario(writers=writers, **more)


REMOVALS = (
    Removal(Guard.MARK_FIRST, one(DELETE, kills=1), 11, 9),
    Removal(Guard.GENERATION, one(SET, DELETE), 16, 15),
    Removal(Guard.IN_FLIGHT, one(DELETE), 13, 12),
    Removal(Guard.SOURCE_QUARANTINE, one(DELETE, source_losses=1), 13, 13),
    Removal(Guard.TARGET_QUARANTINE, one(DELETE, target_losses=1), 17, 14),
    Removal(Guard.BOOT_QUARANTINE, one(DELETE, kills=1), 13, 13),
    Removal(Guard.CLEARED_IS_UNMARKED, one(SET, DELETE), 16, 15),
    Removal(Guard.SLOT, one(DELETE), 17, 13),
    Removal(Guard.ABSENT_DELETES, one(DELETE), 16, 14),
    Removal(Guard.FRESH_READ, one(DELETE), 13, 13),
    Removal(Guard.JUDGED_AT_READ, one(DELETE, kills=1), 14, 14),
    Removal(Guard.SOLO_HINTS, one(DELETE, SET), 17, 17),
    Removal(Guard.NO_HINT_IN_QUARANTINE, one(SET, DELETE, kills=1, rejections=False), 18, 18),
    Removal(Guard.ONLY_REPLAYS_CLEAR, one(SET, DELETE), 14, 7),
    Removal(Guard.INTENT_BEFORE_READ, one(DELETE), 16, 16),
    Removal(Guard.INTENT_DURABLE, one(DELETE, kills=1), 20, 5),
    Removal(Guard.NO_CLEAR_UNDER_INTENT, one(DELETE), 16, 16),
    Removal(Guard.INTENT_JUDGED_EARLY, one(DELETE), 16, 16),
    Removal(Guard.PAGE_WAITS, one(DELETE), 16, 16),
    Removal(Guard.CLOSE_AFTER_ANSWERS, one(DELETE), 5, 15),
    Removal(Guard.EVERY_ATTEMPT, one(DELETE, page_losses=1), 19, 19),
    Removal(Guard.REPORT_NAMES_ATTEMPT, one(DELETE, leases=1), 21, 19),
    Removal(Guard.LEASE_OBEYED, one(DELETE, leases=1), 21, 19),
    Removal(Guard.LEASE_AWAITED, one(DELETE), 20, 18),
    Removal(Guard.LEASE_AWAITED_AFTER_START, one(DELETE, kills=1), 21, 19),
    Removal(Guard.LAPSE_QUARANTINE, one(DELETE, leases=1), 21, 19),
    Removal(Guard.LAPSE_COPIES_AGAIN, one(DELETE, leases=1), 4),
    Removal(Guard.LAPSED_ROW_STAYS, one(DELETE, leases=1), None, 6),
    Removal(Guard.ONE_TRANSACTION, one(DELETE, kills=1), None, 6),
)

SMALL = (
    one(SET, kills=1, target_losses=1),
    one(DELETE, kills=1, source_losses=1),
    one(PATCH, leases=1, deaths=1),
    one(SET, page_losses=1, leases=1),
    one(SET, kills=1, deaths=1, in_process=True),
    one(SET, initial=0, kills=1),
    one(DELETE, foreign=True, kills=1),
    one(SET, marks=1, scans=1),
    one(SET, two_at_once=True, deaths=1),
    one(DELETE, kills=1, lists=True),
    one(DELETE, kills=1, leases=1, judged="send"),
    one(SET, kills=1, page_waits=False, hints=False, barriers=False),
    one(SET, kills=1, skips_marked=True),
    one(DELETE, kills=1, leases=1, cursor_first=True),
    one(SET, DELETE),
    one(SET, SET, rejections=False),
    one(PATCH, DELETE),
)

EVERYTHING = {"kills": 1, "source_losses": 1, "target_losses": 1, "page_losses": 1, "deaths": 1, "leases": 1}
LARGE = (
    one(SET, **EVERYTHING),
    one(DELETE, **EVERYTHING),
    one(PATCH, **EVERYTHING),
    one(SET, **EVERYTHING, initial=0),
    one(DELETE, **EVERYTHING, judged="send"),
    one(SET, **EVERYTHING, page_waits=False, hints=False, barriers=False),
    one(SET, **EVERYTHING, skips_marked=True),
    one(SET, kills=1, source_losses=1, target_losses=1, page_losses=1, deaths=1, foreign=True),
    one(
        SET,
        kills=1,
        source_losses=1,
        target_losses=1,
        page_losses=1,
        deaths=1,
        in_process=True,
        marks=1,
        scans=1,
    ),
    one(PATCH, kills=1, source_losses=1, target_losses=1, deaths=1, marks=1, scans=1),
    one(SET, kills=2, deaths=1, leases=1),
    one(DELETE, kills=2, source_losses=1, target_losses=1),
    one(SET, kills=1, deaths=1, leases=1, two_at_once=True),
    one(SET, kills=1, page_losses=1, scans=1, two_at_once=True),
    one(SET, kills=1, deaths=1, leases=1, page_losses=1, lists=True),
    one(SET, DELETE, kills=1, deaths=1),
    one(SET, DELETE, kills=1, leases=1),
    one(SET, DELETE, page_losses=1, deaths=1),
    one(SET, DELETE, target_losses=1, page_losses=1),
    one(SET, DELETE, source_losses=1, leases=1),
    one(SET, DELETE, kills=1, source_losses=1, target_losses=1, rejections=False),
    one(SET, SET, kills=1, page_losses=1, rejections=False),
    one(SET, SET, marks=1, scans=1),
    one(PATCH, DELETE, kills=1, target_losses=1, deaths=1, rejections=False),
    one(PATCH, SET, kills=1, deaths=1),
    one(SET, DELETE, two_at_once=True),
    one(SET, DELETE, kills=1, scans=1, in_process=True),
    one(SET, DELETE, kills=1, page_losses=1, lists=True, rejections=False),
)
