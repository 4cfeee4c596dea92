"""What lists lack once collections moved, by the names that a source has for them."""

import pytest

from tests.fakes.front import FakeFront, FakeUpstream
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.moved import described, lacking, standing_in

STORE = MemoryStore(Endpoint("memory"), Database())


class Moving(FakeFront):
    """What is named is answered by a store, the server by itself."""

    def primary(self, collection):
        return self.access if collection is None else Access(store=STORE)


def front(*away, **known):
    return Moving(Access(upstream=FakeUpstream()), away=away, known=known)


@pytest.mark.parametrize(
    ("away", "told", "lacks"),
    [
        ((), (), {}),
        (("docs",), ("docs",), {}),
        (("docs", "more"), ("docs",), {"more": "more"}),
        (("alias",), ("real",), {}),
        (("alias",), ("alias",), {"real": "alias"}),
        (("docs/a", "docs/b"), (), {"docs": "docs/a"}),
        (("docs/a",), ("docs",), {}),
    ],
)
def test_what_is_told_by_its_name_at_the_source_is_not_lacking(away, told, lacks):
    assert lacking(front(*away, alias="real"), told) == lacks


async def test_it_is_described_by_who_answers_for_it():
    shape = CollectionShape("alias", IdField("id", IdKind.INT, KeyOrder.NUMERIC))
    await STORE.create(shape)
    assert await described(front("alias", alias="real"), ["docs"]) == {"real": await STORE.describe("alias")}


def test_who_answers_for_a_collection_stands_in_for_the_server():
    assert standing_in(front()) is None
    assert standing_in(front("docs")) is STORE
