"""The output plugin's messages, and who sees a transaction."""

from __future__ import annotations

import pytest

from vectormigrate.stores.pgvector.capture.pgoutput import is_visible


@pytest.mark.parametrize(
    ("xid", "snapshot", "visible"),
    [
        (5, "3:9:", True),
        (5, "3:9:5", False),
        (9, "3:9:", False),
        (2**32 - 1, f"{2**32}:{2**32 + 5}:", True),
        (4, f"{2**32}:{2**32 + 5}:", True),
        (4, f"{2**32}:{2**32 + 5}:{2**32 + 4}", False),
        (5, f"{2**32 - 9}:{2**32 - 3}:", False),
    ],
)
def test_who_sees_a_transaction_whose_number_was_cut_short(xid, snapshot, visible):
    assert is_visible(xid, snapshot) is visible
