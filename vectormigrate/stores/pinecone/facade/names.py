"""What things are called: collections of indexes and namespaces, and addresses of indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from vectormigrate.stores.pinecone.wire.shape import Keys, Layout

PREFIX = "/i/"
"""In front of the data plane of an index that is not the one served at the root."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of everything behind one facade."""

    index: str
    """The index whose data plane is served at the root."""
    address: str
    """Where clients reach this, scheme and all, without a slash at the end."""
    layout: Layout
    """How the collection of `index` is laid out, as far as it is known."""

    def home(self, index: str) -> Layout:
        """How the collection of an index is laid out, as far as it is known."""
        return self.layout if index == self.index else unknown(index)

    def layout_of(self, index: str, namespace: str) -> Layout:
        """The layout that records of a namespace are read with."""
        home = self.home(index)
        return home if namespace == home.namespace else replace(home, namespace=namespace)

    def collection(self, index: str, namespace: str) -> str:
        """The collection that holds a namespace (canonical) of an index."""
        return collection_of(index, namespace, self.home(index))

    def collections(self, index: str, concerned: Sequence[str]) -> list[str]:
        """The collection of an index, and those of its namespaces among the ones that are under migration."""
        return [index, *(one for one in concerned if one != index and belongs_to(one, index))]

    def address_of(self, index: str) -> str:
        """Where the data plane of an index is reached."""
        return self.address if index == self.index else f"{self.address}{PREFIX}{index}"


def unknown(index: str) -> Layout:
    """The layout of an index that nothing is known of: as one made here is."""
    return Layout(index, "values", "sparse_values")


def collection_of(index: str, namespace: str, home: Layout) -> str:
    """The collection that holds a namespace (canonical) of an index whose own collection is laid out as `home`."""
    if home.keys is not Keys.ID or namespace == home.namespace:
        return index
    return f"{index}/{namespace}"


def belongs_to(collection: str, index: str) -> bool:
    """Whether a collection is an index' own or one of its namespaces'."""
    return collection == index or collection.startswith(f"{index}/")
