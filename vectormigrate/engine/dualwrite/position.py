"""Where a primary says that it stands, as text: a number, or several named logs with one each (see `Write.answered`)."""

from __future__ import annotations

SOMEWHERE = "0"
"""The position of a write that was accepted and not applied yet, where the primary does not say one."""


def furthest(held: str, said: str) -> str:
    """The further of two positions; of several logs, how far each of them goes."""
    logs = _logs(held)
    for log, number in _logs(said).items():
        logs[log] = max(logs.get(log, ""), number, key=_as_number)
    return "\n".join(f"{log}={number}" if log else number for log, number in sorted(logs.items()))


def _logs(position: str) -> dict[str, str]:
    """The numbers of a position by their log, "" for the one without a name."""
    parted = (line.rpartition("=") for line in position.split("\n") if line)
    return {log: number for log, _, number in parted}


def _as_number(position: str) -> tuple[int, str]:
    return len(position), position
