"""The messages of the gRPC service: the published numbers on the wire, and the objects of REST behind them."""

import numpy as np
import pytest

from vectormigrate.stores.pinecone.pb import MESSAGES, METHODS
from vectormigrate.stores.pinecone.wire import messages
from vectormigrate.stores.pinecone.wire.records import Malformed

# Bytes are written down by hand from the published numbers: a tag is number * 8 + wire type.


def test_every_method_has_its_messages():
    assert len(METHODS) == 12
    assert {name for pair in METHODS.values() for name in pair} <= MESSAGES.keys()


def test_an_upsert_by_its_bytes():
    sparse = b"\x0a\x01\x03" + b"\x12\x04" + np.array([0.5], "<f4").tobytes()
    value = b"\x11" + np.array([2.0], "<f8").tobytes()  # number_value = 2
    entry = b"\x0a\x01n" + b"\x12" + bytes([len(value)]) + value
    metadata = b"\x0a" + bytes([len(entry)]) + entry
    vector = b"\x0a\x01a" + b"\x12\x08" + np.array([1, 2], "<f4").tobytes()
    vector += b"\x1a" + bytes([len(metadata)]) + metadata + b"\x22" + bytes([len(sparse)]) + sparse
    request = b"\x0a" + bytes([len(vector)]) + vector + b"\x12\x01n"
    message = messages.read_request("Upsert", request)
    assert messages.to_object(message) == {
        "vectors": [
            {
                "id": "a",
                "values": [1, 2],
                "metadata": {"n": 2.0},
                "sparseValues": {"indices": [3], "values": [0.5]},
            }
        ],
        "namespace": "n",
    }
    head = messages.head_of("Upsert", message)
    assert ([item.id for item in head.vectors], head.namespace) == (["a"], "n")


def test_heads_of_deletes_and_updates():
    delete = messages.read_request("Delete", b"\x0a\x01a\x0a\x01b\x10\x01\x1a\x01n")
    head = messages.head_of("Delete", delete)
    assert (head.ids, head.delete_all, head.namespace, head.filter) == (["a", "b"], True, "n", None)
    update = messages.read_request("Update", b"\x0a\x01a\x22\x01n\x32\x00\x38\x01")
    head = messages.head_of("Update", update)
    assert (head.id, head.namespace, head.filter, head.dry_run) == ("a", "n", {}, True)


def test_an_answer_by_its_bytes():
    match = {"id": "a", "score": 0.5, "values": np.array([1], np.float32), "metadata": {"b": True}}
    answer = {"results": [], "matches": [match], "namespace": "n", "usage": {"readUnits": 5}}
    value = b"\x20\x01"  # bool_value = true
    entry = b"\x0a\x01b\x12\x02" + value
    shown = b"\x0a\x01a\x15" + np.array([0.5], "<f4").tobytes() + b"\x1a\x04" + np.array([1], "<f4").tobytes()
    shown += b"\x22" + bytes([len(entry) + 2]) + b"\x0a" + bytes([len(entry)]) + entry
    expected = b"\x12" + bytes([len(shown)]) + shown + b"\x1a\x01n" + b"\x22\x02\x08\x05"
    assert messages.write_answer("Query", answer) == expected
    assert messages.read_answer("Query", expected)["matches"] == [{**match, "values": [1.0]}]


def test_what_is_optional_is_sent_even_when_it_is_zero():
    assert messages.write_answer("Update", {"matchedRecords": 0}) == b"\x08\x00"
    assert messages.write_answer("Update", {}) == b""


def test_every_kind_of_metadata_comes_back():
    metadata = {"n": 1.5, "t": "x", "b": False, "l": ["x", "y"], "e": [], "o": {"x": [1.0, None]}}
    given = {"vectors": {"a": {"id": "a", "metadata": metadata}}}
    assert messages.read_answer("Fetch", messages.write_answer("Fetch", given)) == given


def test_names_of_the_control_plane_s_spelling():
    given = {"namespaces": [{"name": "n", "record_count": 3}], "total_count": 1, "pagination": {"next": "t"}}
    assert messages.read_answer("ListNamespaces", messages.write_answer("ListNamespaces", given)) == {
        "namespaces": [{"name": "n", "recordCount": 3}],
        "totalCount": 1,
        "pagination": {"next": "t"},
    }


@pytest.mark.parametrize("request_", [b"\xff", b"\x0a\x05a", b"\x0a\x02\x0a\xff"])
def test_bytes_that_are_no_message_are_refused(request_):
    with pytest.raises(Malformed):
        messages.read_request("Upsert", request_)
