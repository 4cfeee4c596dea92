"""A newcomer's way on a clean machine: every step and every usual mistake, typed by `newcomer/path.sh`, with real stores.

What is asked here: it comes to its end, nothing is ever answered with a traceback, an error says what to do next, no secret
is shown, and what is left behind is nothing. What it printed is in `newcomer/out/transcript.txt`, to be read by a person.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from integration.newcomer import application
from integration.newcomer.machine import Machine, clean_machine
from tests.fakes.milvus import free_port
from tests.fakes.qdrant.server import QdrantServer
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

pytestmark = pytest.mark.timeout(1800)

HERE = Path(__file__).parent / "newcomer"
CHECKOUT = Path(__file__).parents[1]
SECRET = "pass/word that nobody may see"
SOURCE_KEY = "key-of-the-application-3398"
_MISTAKE = re.compile(r"^! (.*)\n((?:(?![$!#] ).*\n)*)", re.MULTILINE)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Empty."""
    made = clean_machine(tmp_path / "machine")
    yield made
    shutil.rmtree(made.folder)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """With a password, a table that holds something and one of another width."""
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False, password=SECRET).start()
    with psycopg.connect(server.dsn, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
        for name, width in (("taken", application.WIDTH), ("narrow", 7)):
            connection.execute(f"CREATE TABLE {name} (id text PRIMARY KEY, vector vector({width}))")
        connection.execute("INSERT INTO taken VALUES ('theirs', %s)", [str([1.0] * application.WIDTH)])
    yield server
    server.remove()


@pytest.fixture
def source() -> Iterator[QdrantServer]:
    """With a collection in use."""
    server = QdrantServer(SOURCE_KEY).start()
    application.main(server.url, "fill", SOURCE_KEY)
    yield server
    server.stop()


def wheel(folder: Path) -> Path:
    """Built from the checkout."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def shown(machine: Path, *secrets: str) -> list[tuple[str, str]]:
    """Where on the machine one of them is written, state file and reports, logs and the archive for support included."""
    found = []
    for folder in ("var/lib/vectormigrate", "etc/vectormigrate", "home", "tmp"):
        for file in (machine / folder).rglob("*"):
            if file.is_file():
                found += [(str(file), one) for one in secrets for part in parts(file) if one.encode() in part]
    return found


def parts(file: Path) -> Iterator[bytes]:
    """What a file holds, and what each file holds that is packed in it."""
    yield file.read_bytes()
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            yield from map(archive.read, archive.namelist())


def told(transcript: str) -> str:
    """Keep it where a person can read it."""
    out = HERE / "out"
    out.mkdir(exist_ok=True)
    (out / "transcript.txt").write_text(transcript)
    return transcript[-6000:]


def test_a_newcomers_way_from_an_empty_machine_to_an_empty_machine(
    machine: Machine, postgres: EmbeddedPostgres, source: QdrantServer, tmp_path: Path
) -> None:
    given = {
        "WHEEL": machine.take(wheel(tmp_path / "dist")),
        "LOCK": machine.take(CHECKOUT / "deploy" / "requirements.lock"),
        "DEPLOY": machine.take(CHECKOUT / "deploy"),
        "APP": machine.take(HERE / "application.py"),
        "SOURCE": source.url.removeprefix("http://"),
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "SECRET": SECRET,
        "SOURCE_KEY": SOURCE_KEY,
        "LISTEN": str(free_port()),
        "API": str(free_port()),
    }
    script = machine.take(HERE / "path.sh")
    before = machine.files()
    said = f"# On {machine.told}\n"
    for verb in ("install", "migrate", "uninstall"):
        code, printed = machine.bash([script, verb], given, within=900, root=verb != "migrate")
        said += printed
        assert code == 0, told(said)
        if verb == "migrate":
            assert shown(machine.folder, SOURCE_KEY, SECRET, quote(SECRET)) == []
    told(said)
    assert "Traceback" not in said
    assert not any(secret in said for secret in (SECRET, SOURCE_KEY))
    assert "wrong: none" in said
    for command, answer in _MISTAKE.findall(said):
        assert "error: " in answer or "BAD " in answer, command + answer
        assert "hint: " in answer or "CLOSED" in answer, command + answer
    with psycopg.connect(postgres.dsn) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        assert {name for (name,) in tables} == {"taken", "narrow"}
    assert machine.files() - before <= {"etc/systemd/system", "etc/systemd", "etc", "opt", "var", "var/lib"}
