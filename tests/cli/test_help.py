"""Help: what it says, what it costs."""

import subprocess
import sys

import pytest

from vectormigrate.api.commands import BY_NAME, COMMANDS
from vectormigrate.cli.help import WIDTH, of_command, overview, reference

PROBE = """
import resource, sys
from vectormigrate.cli.main import main
code = main(sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, *sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""
HEAVY = {
    "numpy", "rich", "jinja2", "apsw", "msgspec", "orjson", "psycopg", "pgvector", "pymilvus", "grpc", "qdrant_client",
    "pinecone", "weaviate", "tenacity", "structlog", "pydantic", "shtab", "typing_extensions",
}  # fmt: skip


@pytest.mark.parametrize("words", [["--help"], ["migrate", "--help"], ["--version"], ["stauts"]])
def test_the_front_door_is_light(words):
    best = None
    for _ in range(3):
        ran = subprocess.run(
            [sys.executable, "-c", PROBE, *words], capture_output=True, text=True, check=False
        )
        seconds, *modules = ran.stderr.splitlines()[-1].split()
        assert HEAVY & {name.partition(".")[0] for name in modules} == set()
        assert not [
            name for name in modules if name.startswith(("vectormigrate.stores", "vectormigrate.engine"))
        ]
        best = min(best or 9.0, float(seconds))
        if best < 0.3:
            break
    assert best < 0.3


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_examples_come_first_and_nothing_is_too_wide(command):
    text = of_command(command)
    assert text.startswith("Examples:\n  # ")
    for setting in command.all_settings:
        assert f"--{setting.name}" in text
    assert [line for line in text.splitlines() if len(line) > WIDTH + 10] == []


def test_defaults_limits_and_units_are_told():
    text = " ".join(of_command(BY_NAME["migrate"]).split())
    assert "--batch-size N Most records of one write. Default: 100 records. From 1 to 10,000." in text
    assert "--existing fail|skip|overwrite" in text
    assert (
        "--metric METRIC The metric of vectors for which the source declares none. One of cosine, dot,"
        in text
    )
    kinds = "memory, milvus, parquet, pgvector, pinecone, qdrant, sqlite, weaviate"
    assert f"--source-type SOURCE_TYPE Kind of the source store. Required. One of {kinds}." in text
    assert "-q, --quiet" in text


def test_a_broken_example_can_be_pasted():
    text = of_command(BY_NAME["migrate"])
    first = text.split("  # ")[1].split("\n", 1)[1]
    assert (
        " ".join(first.replace("\\\n", " ").split())
        == f"vectormigrate {BY_NAME['migrate'].examples[0].words}"
    )


def test_the_overview_names_every_command():
    text = overview()
    for command in COMMANDS:
        assert f"\n  {command.name} " in text
    assert "Exit codes:" in text


def test_the_reference_has_a_section_for_each():
    assert [line[4:-1] for line in reference().splitlines() if line.startswith("## ")] == list(BY_NAME)
