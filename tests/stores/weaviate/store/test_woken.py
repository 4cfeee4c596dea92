"""What is noted outlives its process, and whoever comes next does what that could not."""

import subprocess
import sys

import pytest

from vectormigrate.stores.weaviate.store.woken import Woken

DYING = """
import os, sys
from vectormigrate.stores.weaviate.store.woken import Woken
woken = Woken(sys.argv[1], "here")
woken.add("Docs", "green")
woken.add("Docs", "b\\u00fc")
os.write(1, b"noted")
sys.stdin.read()
"""
LEFT = [("Docs", "bü"), ("Docs", "green")]


@pytest.fixture
def killed(tmp_path):
    """A process that has noted something and was killed."""
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        assert process.stdout.read(5) == b"noted"
        alive = Woken(str(tmp_path), "here").all()
        process.kill()
    return alive


def test_what_a_killed_process_noted_is_for_the_next_one(tmp_path, killed):
    assert killed == [], "a process that lives does it itself"
    woken = Woken(str(tmp_path), "here")
    assert Woken(str(tmp_path), "elsewhere").all() == []
    assert woken.all() == LEFT
    assert Woken(str(tmp_path), "here").all() == [], "it is taken"
    woken.add("Docs", "red")
    assert woken.all() == [*LEFT, ("Docs", "red")]
    woken.end(settled=True)
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_done_is_left_to_the_next_one(tmp_path, killed):
    woken = Woken(str(tmp_path), "here")
    woken.add("Docs", "red")
    assert len(woken.all()) == 3
    woken.end(settled=False)
    assert woken.all() == [*LEFT, ("Docs", "red")]
    woken.end(settled=True)
    assert list(tmp_path.iterdir()) == []


def test_a_line_that_was_cut_off_says_nothing(tmp_path):
    woken = Woken(str(tmp_path), "here")
    woken.add("Docs", "green")
    [path] = tmp_path.iterdir()
    with path.open("ab") as file:
        file.write(b'["Docs", "r')
    woken.end(settled=False)
    assert woken.all() == [("Docs", "green")]
    woken.end(settled=True)


def test_without_a_folder_it_is_remembered_by_the_process(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    woken = Woken("", "here")
    woken.add("Docs", "green")
    assert woken.all() == [("Docs", "green")]
    woken.end(settled=True)
    assert (woken.all(), list(tmp_path.iterdir())) == ([], [])
