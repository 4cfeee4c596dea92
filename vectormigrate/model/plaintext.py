"""Somebody else's text where people read it: in a terminal, a log, a report. It steers nothing there."""

from __future__ import annotations


def spelled(text: str) -> str:
    """Text in which every character shows: what would move a cursor, break a line or turn it around is spelled out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
