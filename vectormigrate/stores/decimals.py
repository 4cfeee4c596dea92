"""Numbers inside JSON that need more digits than a double: tagged on the way in, so that no server rounds them.

`model.jsonvalue` writes such a number digit by digit, which is JSON, but servers read JSON numbers as doubles. Here
it becomes `{"$numberDecimal": "..."}`, the tag that `jsonvalue` itself gives to every other decimal.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from vectormigrate.model import jsonvalue

_TAG = "$numberDecimal"


def dumps(value: Any) -> bytes:
    """JSON text whose every number is an integer or a double. Raises ValueError for what JSON cannot hold."""
    return jsonvalue.dumps(_tagged(value))


def loads(text: bytes) -> Any:
    """Invert `dumps`."""
    value = jsonvalue.loads(text)
    return _untagged(value) if b'"$numberDecimal"' in text else value


def _tagged(value: Any) -> Any:
    if isinstance(value, dict):
        if _read(value) is not None:
            raise ValueError("an object that looks like a number with its tag cannot be told from one")
        return {key: _tagged(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tagged(item) for item in value]
    return {_TAG: str(value)} if isinstance(value, Decimal) and _is_long(value) else value


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        number = _read(value)
        return {key: _untagged(item) for key, item in value.items()} if number is None else number
    return [_untagged(item) for item in value] if isinstance(value, list) else value


def _read(value: dict[str, Any]) -> Decimal | None:
    """The number that a tagged object stands for; None for any other object."""
    text = value.get(_TAG) if len(value) == 1 else None
    if not isinstance(text, str):
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if _is_long(number) and str(number) == text else None


def _is_long(number: Decimal) -> bool:
    return not jsonvalue.dumps(number).startswith(b"{")
