"""A terminal in a directory of its own."""

import shutil

import pytest

from tests.fakes.terminal import Terminal


@pytest.fixture
def terminal(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Terminal(tmp_path)


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A directory in which `docs` was migrated from old.db to new.db; for copies only."""
    terminal = Terminal(tmp_path_factory.mktemp("migrated"))
    terminal.source()
    ran = terminal.run("migrate", "docs", *terminal.flags())
    assert ran.code == 0, ran.err
    return terminal.directory


@pytest.fixture
def migrated(terminal, finished):
    """A terminal in which `docs` was migrated from old.db to new.db."""
    shutil.copytree(finished, terminal.directory, dirs_exist_ok=True)
    return terminal
