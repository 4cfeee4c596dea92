"""What is seen while a command works: a bar with rate and time left on a terminal, a line each ten seconds elsewhere.

Everything goes to standard error, so that results can be piped. Fed by the events of the engine.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from vectormigrate.model import events
from vectormigrate.model.division import whole_of
from vectormigrate.model.events import Event
from vectormigrate.model.plaintext import spelled
from vectormigrate.model.telling import sentence

from .call import Call
from .failure import LONGEST

EVERY = 10.0
"""Seconds between two lines where there is no terminal."""
LETTERS = 10
"""Refused records that are told one by one."""
_SAID = (events.Resumed, events.Throttled, events.Unthrottled)
"""What is said even to those who did not ask for more."""
WINDOW = 15.0
"""Seconds over which the rate is taken."""


class Follower:
    """Give it to whoever reports events; open it around the work."""

    def __init__(
        self,
        stream: TextIO,
        *,
        quiet: bool = False,
        verbose: bool = False,
        colour: bool | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._quiet = quiet
        self._verbose = verbose
        self._monotonic = monotonic
        self._said = -EVERY
        self._letters = 0
        self._pace: dict[str, Pace] = {}
        self._about: dict[str, str] = {}
        """The migration of which work of that kind was told last."""
        self._tasks: dict[str, TaskID] = {}
        console = Console(file=stream, no_color=True if colour is False else None, highlight=False)
        self._bars = _bars(console) if console.is_terminal and not quiet else None

    @classmethod
    def of(cls, call: Call) -> Self:
        """The one for a command."""
        return cls(call.err, quiet=call.quiet, verbose=call.verbose, colour=call.colour)

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def __call__(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, events.Progress):
            self._progress(event)
            return
        if isinstance(event, events.DeadLettered) and not self._tell_letter(event):
            return
        line = spelled(sentence(event)[:LONGEST])
        if isinstance(event, events.Warned | events.DeadLettered | events.WorkerLost):
            self._say(f"warning: {line}")
        elif not self._quiet and (self._verbose or isinstance(event, _SAID)):
            self._say(line)

    def _tell_letter(self, event: events.DeadLettered) -> bool:
        """Whether one more refused record is told of; the first that is not is announced."""
        self._letters += 1
        if self._letters == LETTERS + 1:
            more = f"more records are refused; all of them: vectormigrate dead-letters {event.migration_id}"
            self._say(f"warning: {more}")
        return self._letters <= LETTERS

    def _progress(self, event: events.Progress) -> None:
        if self._quiet:
            return
        now = self._monotonic()
        if self._about.get(event.work) != event.migration_id:
            self._begin(event)
        pace = self._pace[event.work]
        pace.add(now, event.done)
        if self._bars is not None:
            self._draw(self._bars, event, pace)
            return
        ended = event.total is not None and event.done >= event.total
        if now - self._said >= EVERY or (ended and not pace.told_end):
            self._said = now
            pace.told_end = ended
            self._say(line_of(event, pace))

    def _begin(self, event: events.Progress) -> None:
        """Work of this kind on another part: its numbers and its bar take the place of those of the part before."""
        self._about[event.work] = event.migration_id
        self._pace[event.work] = Pace()
        task = self._tasks.pop(event.work, None)
        if task is not None and self._bars is not None:
            self._bars.remove_task(task)

    def _draw(self, bars: Bars, event: events.Progress, pace: Pace) -> None:
        task = self._tasks.get(event.work)
        if task is None:
            task = self._tasks[event.work] = bars.add_task(work_of(event), total=event.total, told="")
        bars.update(task, completed=event.done, total=event.total, told=numbers(event, pace))

    def _say(self, line: str) -> None:
        if self._bars is not None:
            self._bars.console.print(line, markup=False, soft_wrap=True)
        else:
            print(line, file=self._stream, flush=True)


class Pace:
    """The rate of one kind of work, over the last seconds."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()
        self.told_end = False

    def add(self, now: float, done: int) -> None:
        self._seen.append((now, done))
        while len(self._seen) > 2 and now - self._seen[0][0] > WINDOW:
            self._seen.popleft()

    @property
    def rate(self) -> float | None:
        """Records a second; None as long as nothing can be said."""
        (start, before), (end, after) = self._seen[0], self._seen[-1]
        return (after - before) / (end - start) if end > start and after >= before else None

    def words(self, event: events.Progress) -> str:
        """ "3,400/s, 12 s left"."""
        rate = self.rate
        if not rate:
            return ""
        words = f"{rate:,.0f}/s"
        if event.total is not None and event.done < event.total:
            words += f", {left(event.total - event.done, rate)} left"
        return words


def left(records: int, rate: float) -> str:
    """The time that so many records take: "45 s", "12:30", "3:04:05"."""
    seconds = round(records / rate)
    if seconds < 100:
        return f"{seconds} s"
    hours, rest = divmod(seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def line_of(event: events.Progress, pace: Pace) -> str:
    """One line of progress."""
    return f"{work_of(event)}: {numbers(event, pace)}"


def work_of(event: events.Progress) -> str:
    """What is done, and to which part where there are several."""
    return f"{event.work} of {event.migration_id}" if whole_of(event.migration_id) else event.work


def numbers(event: events.Progress, pace: Pace) -> str:
    """ "12,000 of 20,000 (60%), 3,400/s, 2 s left"."""
    told = f"{event.done:,}"
    if event.total:
        told += f" of {event.total:,} ({min(event.done / event.total, 1):.0%})"
    words = pace.words(event)
    return f"{told}, {words}" if words else told


def _bars(console: Console) -> Bars:
    return Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        console=console,
        transient=False,
    )
