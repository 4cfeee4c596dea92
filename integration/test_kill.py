"""SIGKILL at random moments, over each ordered pair of stores: nothing missing, nothing extra, nothing different.

Sources of 20,000 records are migrated without a daemon; the process that owns the state is killed again and again
while it copies, and the source is changed between the runs (deletes, updates, inserts, in copied and in uncopied
ranges alike). After the last resume both sides are read whole by the vendors' own clients. Then a rollback is killed
the same way: none of ours may be left, and what was there before must not have changed.

`VECTORMIGRATE_KILLS` is the number of kills of each ordered pair (100 by default, and a quarter as many of rollbacks); a
migration that ended is rolled back and begun anew under another id until so many kills have hit. A kill is counted
when the process was alive. `VECTORMIGRATE_KILL_SEED` makes other moments of them, so that many can be had in pieces.
"""

from __future__ import annotations

import json
import os
import random
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import asdict
from pathlib import Path

import apsw
import pytest

from integration.harness import runs
from integration.harness.records import Difference, Item, difference, item, items
from integration.harness.sides import Side, WatchableSide

KILLS = int(os.environ.get("VECTORMIGRATE_KILLS", "100"))
ROLLBACK_KILLS = max(1, KILLS // 4)
SEED = os.environ.get("VECTORMIGRATE_KILL_SEED", "0")
RECORDS = int(os.environ.get("VECTORMIGRATE_KILL_RECORDS", "20000"))
BATCH = 250
FOREIGN = 200
COPIED = "sum(batches) FROM range"
REMOVED = (
    "count(removed_to) || ' ' || coalesce(sum(removed), 0) || ' ' || group_concat(removed_to) FROM range"
)
KINDS = ("sqlite", "pgvector", "milvus")
PAIRS = [(source, target) for source in KINDS for target in KINDS if source != target] + [
    ("sqlite", "parquet")
]
RESULTS = Path(__file__).parent / "bench" / "out"


@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("source_kind", "target_kind"), PAIRS, ids=lambda kind: kind)
def test_killed_at_random_moments(
    source_kind: str, target_kind: str, sides: dict[str, tuple[Side, Side]], tmp_path: Path
) -> None:
    source, target = sides[source_kind][0], sides[target_kind][1]
    story = Story(source, target, tmp_path, random.Random(f"{source_kind}-{target_kind}-{SEED}"))
    while story.kills < KILLS or story.rollback_kills < ROLLBACK_KILLS:
        story.tell()
    RESULTS.mkdir(exist_ok=True)
    print(json.dumps(story.figures()))
    (RESULTS / f"kill-{source_kind}-{target_kind}-{SEED}.json").write_text(
        json.dumps(story.figures(), indent=2)
    )
    if story.most_recopied is not None:
        assert story.most_recopied <= BATCH, "more than one batch of a range was copied again after one kill"


class Story:
    """Migrations of one pair, each killed many times and then ended, compared, and rolled back under kills.

    Every other migration finds a target with records of somebody else in it, watched by triggers where the store has
    them; the others let vectormigrate make the collection.
    """

    def __init__(self, source: Side, target: Side, folder: Path, rng: random.Random) -> None:
        self.source = source
        self.target = target
        self.folder = folder
        self.rng = rng
        self.kills = 0
        self.rollback_kills = 0
        self.migrations = 0
        self.changes = 0
        self.changed: set[str] = set()
        self.most_recopied: int | None = None
        self.worst = difference({}, {})
        self.left = self.foreign_changed = 0

    def figures(self) -> dict[str, object]:
        """What was seen."""
        return {
            "source": self.source.kind,
            "target": self.target.kind,
            "seed": SEED,
            "records": RECORDS,
            "kills": self.kills,
            "rollback_kills": self.rollback_kills,
            "migrations": self.migrations,
            "source_changes_between_runs": self.changes,
            **asdict(self.worst),
            "owned_left": self.left,
            "foreign_changed": self.foreign_changed,
            "batch": BATCH,
            "most_records_of_a_range_copied_again_after_a_kill": self.most_recopied,
        }

    def tell(self) -> None:
        """One migration from its beginning to its rollback."""
        self.migrations += 1
        name = f"m{self.migrations}"
        state = self.folder / f"{name}.db"
        for side in (self.source, self.target):
            side.drop("old")
            side.drop("new")
        wanted = {one.id: one for one in items(RECORDS, self.rng)}
        self.source.create("old")
        self.source.put("old", wanted.values())
        self.changed = set()
        foreign: dict[str, Item] = {}
        if self.migrations % 2:
            self.target.create("new")
            foreign = {one.id: one for one in (item(9_000_000 + n, 0, self.rng) for n in range(FOREIGN))}
            self.target.put("new", foreign.values())
        watched = self.target if foreign and isinstance(self.target, WatchableSide) else None
        if watched:
            watched.watch("new")
        arguments = [
            "migrate",
            name,
            *self.source.arguments("source", "old"),
            *self.target.arguments("target", "new"),
            *("--batch-size", str(BATCH), "--existing", "skip", "--workers", "2"),
            *("--quarantine", "2", "--max-rate", "5000", "--validate-every", "20"),
        ]
        self._kill_while_copying(arguments, state, wanted, watched=watched)
        runs.run(*arguments, state=state)
        if watched:
            self._count_recopied(watched, state, wanted)
        found = self.target.read("new")
        self.foreign_changed += sum(found.pop(key, None) != held for key, held in foreign.items())
        self.worst = worse(self.worst, difference(wanted, found))
        self._kill_while_rolling_back(name, state)
        document = runs.run("rollback", name, "--force", state=state)
        left = self.target.read("new")
        self.foreign_changed += sum(left.pop(key, None) != held for key, held in foreign.items())
        self.left += len(left)
        assert (self.left, self.foreign_changed, asdict(self.worst)) == (0, 0, asdict(difference({}, {}))), (
            self.figures()
        )
        assert (document["left"], document["foreign_changed"]) == (0, 0)

    def _kill_while_copying(
        self, arguments: list[str], state: Path, wanted: dict[str, Item], *, watched: WatchableSide | None
    ) -> None:
        for number in range(1, 1 + max(1, min(25, KILLS - self.kills))):
            if watched:
                watched.begin_run(number)
            if not runs.run_and_kill(*arguments, state=state, rng=self.rng, sign=COPIED, within=0.6):
                break
            self.kills += 1
            if not verified(state):
                self._change_source(wanted)
        if watched:
            watched.begin_run(1000)

    def _change_source(self, wanted: dict[str, Item]) -> None:
        numbers = self.rng.sample(range(RECORDS), 60)
        gone = [f"doc-{number:07d}" for number in numbers[:20]]
        self.source.delete("old", gone)
        for key in gone:
            wanted.pop(key, None)
        changed = [item(number, self.kills, self.rng) for number in numbers[20:50]]
        added = [item(RECORDS + self.rng.randrange(10**6), self.kills, self.rng) for _ in range(10)]
        self.source.put("old", [*changed, *added])
        wanted.update({one.id: one for one in (*changed, *added)})
        self.changed |= {*gone, *(one.id for one in (*changed, *added))}
        self.changes += 60

    def _count_recopied(self, watched: WatchableSide, state: Path, wanted: dict[str, Item]) -> None:
        """Most records of one range that a killed run wrote and a later run wrote again, changed ones aside."""
        connection = apsw.Connection(str(state))
        uppers = [row[0] for row in connection.execute("SELECT upper FROM range ORDER BY number") if row[0]]
        connection.close()
        runs_of = defaultdict[str, list[int]](list)
        written = watched.writes()
        assert wanted.keys() <= {key for _, key in written}, "the triggers did not see the copy"
        for run, key in written:
            runs_of[key].append(run)
        again = Counter(
            (run, bisect_left(uppers, f"s:{key}"))
            for key, numbers in runs_of.items()
            if key not in self.changed
            for run in sorted(numbers)[:-1]
        )
        self.most_recopied = max([self.most_recopied or 0, *again.values()])

    def _kill_while_rolling_back(self, name: str, state: Path) -> None:
        for _ in range(max(0, min(12, ROLLBACK_KILLS - self.rollback_kills))):
            arguments = ("rollback", name, "--force")
            if not runs.run_and_kill(*arguments, state=state, rng=self.rng, sign=REMOVED, within=0.3):
                return
            self.rollback_kills += 1


def worse(one: Difference, other: Difference) -> Difference:
    """The larger of each count."""
    return Difference(
        max(one.missing, other.missing), max(one.extra, other.extra), max(one.mismatched, other.mismatched)
    )


def verified(state: Path) -> bool:
    """Whether the migration was verified: from then on an offline migration does not follow the source."""
    return bool(runs.look(state, "count(*) FROM migration WHERE completed"))
