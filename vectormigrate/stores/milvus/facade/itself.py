"""What only Milvus answers, asked of another Milvus in the client's own words: an expression passed on as it came.

It is where everything there has the names that it had and is configured alike; the mapping knows, and says Unsupported where it
is not. The surprise: a collection that was made for a migration has the types of its source, where fractions of 32 bits are what
they were, but geometry and time stamps as texts. What names such a field is not passed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from vectormigrate.model.errors import StoreError, Unsupported
from vectormigrate.model.filter import Filter, Native
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.base import Store
from vectormigrate.stores.milvus.wire.fields import write_template
from vectormigrate.stores.milvus.wire.native import DIALECT
from vectormigrate.stores.milvus.wire.predicates import Bounds
from vectormigrate.stores.milvus.wire.schema import DataType, Layout
from vectormigrate.stores.milvus.wire.tokens import Kind, tokens

from .problems import invalid, not_served

_OTHERWISE = frozenset({DataType.Geometry, DataType.Timestamptz})
"""Types of columns that a collection made for a migration has as others."""
_BY_CHANCE = "random_sample"
"""Milvus takes it nowhere but at the end of an expression, and pages are asked for by more than that."""


@dataclass(frozen=True, slots=True)
class Passed:
    """An expression that is not read here, where a Predicate would stand."""

    words: Native
    why: str
    """What only Milvus answers of it."""

    @property
    def bounds(self) -> Bounds:
        """None that are known."""
        return Bounds()

    @property
    def ids(self) -> None:
        """Not known."""
        return None

    def superset(self) -> tuple[Filter, bool]:
        """The words, which nobody has to look behind."""
        return self.words, True

    def holds(self, record_id: RecordId, payload: Payload) -> bool:
        """Nobody asks: the words are all of it."""
        raise AssertionError(f"{self.why} is not looked at")


def passed(store: Store, layout: Layout, text: str, values: Mapping[str, Any], why: str) -> Passed:
    """An expression for another Milvus; `why` is what nobody else answers of it. Raises Problem where there is none, or where
    it means something else.
    """
    if store.capabilities.kind != DIALECT:
        raise not_served(f"{why} is not answered here")
    check_words(layout, text, why)
    given = {name: write_template(value) for name, value in values.items()}
    return Passed(Native(DIALECT, (text, given), alike=True), why)


def check_words(layout: Layout, text: str, why: str) -> None:
    """Raise Problem for an expression that means something else in a collection that was made for a migration."""
    names = {token.text for token in tokens(text) if token.kind is Kind.NAME}
    if _BY_CHANCE in {name.lower() for name in names}:
        raise not_served(f"{why} is not answered here")
    for column in layout.fields:
        if column.name in names and _OTHERWISE & {column.type, column.element}:
            raise not_served(
                f"{why} is not answered here: field {column.name!r} is kept by the target in another type"
            )


@contextmanager
def answering(why: str) -> Iterator[None]:
    """What another Milvus makes of words that were passed on, told as this one's own. Raises Problem."""
    try:
        yield
    except Unsupported:
        raise not_served(
            f"{why} is not answered here: the target has other names or is configured otherwise"
        ) from None
    except StoreError as error:
        if type(error) is StoreError:  # which is about what the client asked
            raise invalid(error.message.removeprefix("milvus: ")) from None
        raise
