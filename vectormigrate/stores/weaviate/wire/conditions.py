"""What a filter over a property can be trusted to find."""

from __future__ import annotations

import re
from typing import Any

from vectormigrate.stores.weaviate.filters import Sought

from .layout import Layout, Property
from .meaning import ENGLISH
from .values import EXACT, to_plain

_TOKENISED = frozenset({"word", "lowercase", "whitespace", "field"})
"""Ways to cut a text of which each finds an equal text again."""
_TOKEN = re.compile(r"[^\W_]+")
_ORDERED = frozenset({"int", "number", "date"})
_FILTERED = frozenset({"text", "string", "boolean", "uuid", *_ORDERED})


def sought(layout: Layout, name: str, value: Any) -> Sought:
    """What to ask a property for: nothing where it may not have all values, is not indexed, or has none like this one."""
    held = layout.properties.get(name)
    if held is None or not (held.declared and held.filterable) or held.json or held.element not in _FILTERED:
        return Sought()
    one = _element(held)
    plain, exact = to_plain(one, value)
    if plain is None or not exact or (isinstance(plain, int | float) and not -EXACT < plain < EXACT):
        return Sought()
    if one.type in ("text", "string"):
        return Sought(plain if held.tokenization in _TOKENISED and _has_token(plain) else None)
    return Sought(plain, exact=True, ordered=one.type in _ORDERED)


def _element(held: Property) -> Property:
    """A list's property as that of one element."""
    return Property(held.name, held.element, tokenization=held.tokenization) if held.is_list else held


def _has_token(text: str) -> bool:
    return any(token not in ENGLISH for token in _TOKEN.findall(text.casefold()))
