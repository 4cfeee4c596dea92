"""What things are called: collections of indexes and namespaces, and addresses of indexes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vectormigrate.model.collection import CollectionShape
from vectormigrate.stores.front import Access, Front
from vectormigrate.stores.pinecone.wire.shape import DEFAULT_NAMESPACE, Keys, Layout, layout_of

PREFIX = "/i/"
"""In front of the data plane of an index that is not the one served at the root."""


class Names:
    """The names of everything behind one facade."""

    def __init__(
        self, front: Front, index: str, address: str, shape: CollectionShape | None, namespace: str
    ) -> None:
        """`address` is where clients reach this, scheme and all."""
        self.index = index
        """The index whose data plane is served at the root."""
        self.address = address.rstrip("/")
        self._front = front
        self._shape = shape
        self._namespace = namespace
        self._home = _layout(index, shape, namespace)

    def home(self, index: str) -> Layout:
        """How the collection of an index is laid out, as far as it is known: without a shape, as one made here."""
        if index != self.index:
            return _layout(index, None)
        if self._shape is None:
            # Whoever knows the source may know it later than this was built; its keys decide what is marked.
            shape = self._front.reading(index).shape
            if shape is not None:
                self._shape, self._home = shape, _layout(index, shape, self._namespace)
        return self._home

    def shape(self, index: str, access: Access) -> CollectionShape | None:
        """What records of an index are like at the primary, where anybody knows."""
        return access.shape or (self._shape if index == self.index else None)

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


def _layout(index: str, shape: CollectionShape | None, namespace: str = DEFAULT_NAMESPACE) -> Layout:
    if shape is None:
        return Layout(index, "values", "sparse_values", namespace=namespace)
    return layout_of(shape, namespace)


def collection_of(index: str, namespace: str, home: Layout) -> str:
    """The collection that holds a namespace (canonical) of an index whose own collection is laid out as `home`."""
    if home.keys is not Keys.ID or namespace == home.namespace:
        return index
    return f"{index}/{namespace}"


def belongs_to(collection: str, index: str) -> bool:
    """Whether a collection is an index' own or one of its namespaces'."""
    return collection == index or collection.startswith(f"{index}/")
