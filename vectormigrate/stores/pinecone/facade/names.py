"""What things are called: the collections that namespaces are, and the addresses of indexes.

A collection is an index, one of its namespaces (`index/namespace`), or all of them with the namespace in the key
(`index/*`), as the store names them. Which of these a record belongs to is decided by what is under migration, and
where nothing is, by how an index is made here. Getting this wrong would let a write pass unmarked, so what cannot be
told is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from vectormigrate.model.collection import CollectionShape
from vectormigrate.stores.front import Front
from vectormigrate.stores.pinecone.wire.shape import DEFAULT_NAMESPACE, Keys, Layout, layout_of

PREFIX = "/i/"
"""In front of the data plane of an index that is not the one served at the root."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the records of a namespace are."""

    collection: str
    layout: Layout
    shape: CollectionShape | None = None
    """What the collection is like at the source, where anybody knows."""
    certain: bool = True
    """False: a migration may or may not be moving this namespace."""


class Names:
    """The names of everything behind one facade. `shape` and `namespace` are those of the collection of `index`."""

    def __init__(
        self, front: Front, index: str, address: str, shape: CollectionShape | None, namespace: str | None
    ) -> None:
        """`address` is where clients reach this, scheme and all."""
        self.index = index
        """The index whose data plane is served at the root."""
        self.address = address.rstrip("/")
        self._front = front
        self._shape = shape
        self._namespace = namespace

    def place(self, index: str, namespace: str) -> Place:
        """Where the records of a namespace (canonical) are."""
        own = f"{index}/{namespace}"
        concerned = self._front.concerned()
        if own in concerned and namespace != "*":
            return self._placed(own, namespace)
        for whole in (f"{index}/*", index):
            if whole in concerned:
                place = self._placed(whole, namespace)
                return place if place.layout.keys is not Keys.ID else self._beside(place, index, namespace)
        place = self._placed(index, namespace)
        if place.layout.keys is not Keys.ID or namespace == (self._namespace or DEFAULT_NAMESPACE):
            return place
        return replace(place, collection=own)

    def _beside(self, place: Place, index: str, namespace: str) -> Place:
        """A namespace of an index of which one, by the name of the index, is being moved."""
        if namespace == (self._namespace or DEFAULT_NAMESPACE):
            return place
        return replace(place, collection=f"{index}/{namespace}", certain=self._namespace is not None)

    def _placed(self, collection: str, namespace: str) -> Place:
        shape = self._shape if collection == self.index and self._shape is not None else None
        shape = shape or self._front.reading(collection).shape
        if shape is None:
            return Place(collection, Layout(collection, "values", "sparse_values", namespace=namespace))
        return Place(collection, layout_of(shape, namespace), shape)

    def collections(self, index: str) -> list[str]:
        """Those of an index that are under migration, or the one of its name."""
        return [one for one in self._front.concerned() if belongs_to(one, index)] or [index]

    def namespace_of(self, index: str, collection: str) -> str:
        """The one namespace that a collection of an index is."""
        if collection == index:
            return self._namespace or DEFAULT_NAMESPACE
        return collection.removeprefix(f"{index}/")

    def address_of(self, index: str) -> str:
        """Where the data plane of an index is reached."""
        return self.address if index == self.index else f"{self.address}{PREFIX}{index}"


def belongs_to(collection: str, index: str) -> bool:
    """Whether a collection is an index' own or one of its namespaces'."""
    return collection == index or collection.startswith(f"{index}/")
