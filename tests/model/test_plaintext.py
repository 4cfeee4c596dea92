import pytest

from vectormigrate.model.plaintext import spelled


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Ünïcode and 漢字", "plain, Ünïcode and 漢字"),
        ("\x1b[2J", "\\x1b[2J"),
        ("one\r\ntwo\u2028three", "one\\r\\ntwo\\u2028three"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\ud800", "\\ud800"),
        ("", ""),
    ],
)
def test_every_character_shows(text, shown):
    assert spelled(text) == shown
