"""JSON paths (`a.b[].c`, `"with dot"[0]`) and what Qdrant does to payloads with them: choose, merge, remove.

Only here is a path into lists understood; a filter's path is `filters.read_path`. None of these functions changes the
payload that it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from vectormigrate.model.record import Payload

EACH = None
"""The step to every element of a list."""

Step: TypeAlias = str | int | None
Path: TypeAlias = tuple[Step, ...]

_KEY = r'(?:(?P<bare>[\w-]+)|"(?P<quoted>[^\\"]*)")'
_FIRST = re.compile(_KEY)
_NEXT = re.compile(r"\." + _KEY + r"|\[(?P<index>[0-9]+)\]|(?P<each>\[\])")


def read_path(text: str) -> Path:
    """A path as its steps, the first of which is a key. Raises ValueError."""
    found = _FIRST.match(text)
    steps: list[Step] = []
    place = 0
    while found is not None:
        part = found.groupdict()
        if part.get("index"):
            steps.append(int(part["index"]))
        elif part.get("each"):
            steps.append(EACH)
        else:
            steps.append(part["bare"] or part["quoted"] or "")
        place = found.end()
        found = _NEXT.match(text, place)
    if not steps or place != len(text):
        raise ValueError(f"Invalid json path: '{text}'")
    return tuple(steps)


def choose(payload: Mapping[str, Any], include: Iterable[Path] | None, exclude: Iterable[Path]) -> Payload:
    """The payload without what stands under none of the included paths, or under an excluded one."""
    if include is not None:
        wanted = tuple(include)
        chosen: Payload = _chosen(payload, (), lambda path: any(_meets(path, one) for one in wanted))
    else:
        hidden = tuple(exclude)
        chosen = _chosen(payload, (), lambda path: not any(path[: len(one)] == one for one in hidden))
    return chosen


def _meets(path: Path, pattern: Path) -> bool:
    """Whether one is the beginning of the other."""
    shorter = min(len(path), len(pattern))
    return path[:shorter] == pattern[:shorter]


def _chosen(value: Any, path: Path, keeps: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _chosen(item, (*path, key), keeps) for key, item in value.items() if keeps((*path, key))}
    if isinstance(value, list):
        within = (*path, EACH)
        return [_chosen(item, within, keeps) for item in value] if keeps(within) else []
    return value


def merge(payload: Mapping[str, Any], changes: Mapping[str, Any], path: Path = ()) -> Payload:
    """The payload with these keys set in the object at `path`, made where there is none; None removes a key."""
    if not path:
        kept = {key: item for key, item in payload.items() if key not in changes or changes[key] is not None}
        return {**kept, **{key: item for key, item in changes.items() if item is not None}}
    merged: Payload = _merged(payload, path, changes)
    return merged


def _merged(value: Any, path: Path, changes: Mapping[str, Any]) -> Any:
    if not path:
        return merge(value if isinstance(value, Mapping) else {}, changes)
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        held = value if isinstance(value, Mapping) else {}
        return {**held, step: _merged(held.get(step), rest, changes)}
    items = value if isinstance(value, list) else []
    return [
        _merged(item, rest, changes) if step is EACH or step == place else item
        for place, item in enumerate(items)
    ]


def remove(payload: Mapping[str, Any], path: Path) -> Payload:
    """The payload without what stands at the path. An element of a list stays; `a[]` empties the list."""
    removed: Payload = _removed(payload, path)
    return removed


def _removed(value: Any, path: Path) -> Any:
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if not isinstance(value, Mapping) or step not in value:
            return value
        if not rest:
            return {key: item for key, item in value.items() if key != step}
        return {key: _removed(item, rest) if key == step else item for key, item in value.items()}
    if not isinstance(value, list):
        return value
    if not rest:
        return [] if step is EACH else value
    return [
        _removed(item, rest) if step is EACH or step == place else item for place, item in enumerate(value)
    ]
