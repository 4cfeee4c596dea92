"""Requests as bytes."""

from __future__ import annotations

from vectormigrate.stores.raw import HttpRequest


def test_a_header_is_found_by_its_lower_case_name_and_the_first_counts():
    request = HttpRequest("GET", "/", headers=[(b"api-key", b"one"), (b"api-key", b"two")])
    assert request.header(b"api-key") == b"one"
    assert request.header(b"accept") is None
