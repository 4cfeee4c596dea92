"""Several clients of a vendor write what they like while roles are swapped. `integration/test_shuffled.py` goes on for longer."""

from tests.fakes.qdrant import qdrant_server
from vectormigrate.model.specification import StoreRef

from . import qdrant
from .shuffled import CLIENTS, shuffled
from .stage import qdrant_story

__all__ = ["qdrant_server"]


async def test_qdrant(tmp_path, qdrant_server):
    """Long numbers of its points only Qdrant knows to the bit, so that a facade cannot say what it put there."""
    target = StoreRef("sqlite", str(tmp_path / "target.db"), qdrant.COLLECTION)
    life, telling = qdrant.Life(qdrant.UNNAMED["euclid"], brief=True), shuffled(1, 5)
    tally = await qdrant_story(
        tmp_path, qdrant_server, life, target, grpc=False, telling=telling, threads=CLIENTS
    )
    assert (tally.wrong, tally.equal) == ([], tally.calls)
    assert tally.calls
