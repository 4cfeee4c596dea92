"""Commands, files and moments that are wrong: state files, configurations, ids, a second owner, signals, full disks."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import apsw
import pytest

from .wrong import PASSWORD, Side, assert_error, plain_source, prints, unknown, words

COUNT = 300


@pytest.fixture
def flags(tmp_path):
    source = plain_source(tmp_path / "old.db", COUNT)
    return words(source, Side("sqlite", str(tmp_path / "new.db")))


SLOW = ("--batch-size", "5", "--max-rate", "100")


def full_speed(terminal):
    """Take the brake out of a stored migration."""
    terminal.sql(
        "state.db",
        "UPDATE migration SET specification = replace(specification, '\"max_rate\":100.0', '\"max_rate\":0.0')",
    )


def assert_resumes_exactly(terminal, migration_id="docs"):
    full_speed(terminal)
    assert terminal.run("resume", migration_id).code == 0
    seen = terminal.run("validate", migration_id, "--full", "--json").document
    assert (seen["ok"], seen["compared"], seen["bit_equal"]) == (True, COUNT, COUNT)
    assert terminal.run("status", migration_id, "--json").document["copied"] == COUNT, "nothing twice"


# Values.


@pytest.mark.parametrize("value", ["0", "-1", "10001", "abc", "", "1.5"])
def test_a_batch_size_that_is_none(terminal, tmp_path, flags, value):
    told = f"--batch-size must be a whole number from 1 to 10,000, not '{value}'"
    assert_error(terminal.run("migrate", "docs", *flags, "--batch-size", value), 2, told)
    assert_error(terminal.run("plan", "docs", *flags, f"--batch-size={value}"), 2, told)
    terminal.environ["VECTORMIGRATE_BATCH_SIZE"] = value
    if value:
        assert_error(
            terminal.run("migrate", "docs", *flags), 2, "VECTORMIGRATE_BATCH_SIZE must be a whole number"
        )
    assert not (tmp_path / "state.db").exists()


def test_a_threshold_that_proves_nothing(terminal, flags):
    assert terminal.run("migrate", "docs", *flags).code == 0
    for value in ("0.5", "2", "nan", "-1", "close"):
        ran = terminal.run("validate", "docs", "--threshold", value)
        assert_error(ran, 2, "--threshold must be a number from 0.98 to 1")


def test_a_kind_of_store_that_nobody_knows(terminal, tmp_path, flags):
    ran = terminal.run("migrate", "docs", *flags, "--target-type", "sqlitee")
    assert_error(
        ran,
        2,
        "--target-type must be one of memory, milvus, parquet, pgvector, pinecone, qdrant, sqlite, weaviate, not 'sqlitee'",
    )
    assert not (tmp_path / "state.db").exists()


@pytest.mark.parametrize("made", [True, False])
def test_an_id_that_nobody_knows(terminal, tmp_path, flags, made):
    if made:
        assert terminal.run("migrate", "docs", *flags).code == 0
    before = prints(tmp_path)
    for command in (
        *("status", "validate", "rollback", "pause", "resume", "findings", "dead-letters", "report"),
    ):
        line = [command, "dosc", *(["--force"] if command == "rollback" else [])]
        assert_error(terminal.run(*line), 2, "there is no migration 'dosc'")
        error = terminal.run(*line, "--json").document["error"]
        assert (error["code"], error["exit_code"]) == ("unknown_migration", 2)
    assert {name for name in prints(tmp_path) if "state.db-" not in name} == set(before)


@pytest.mark.parametrize("command", ["migrate", "plan", "doctor"])
def test_an_id_alone_makes_no_migration(terminal, command):
    ran = terminal.run(command, "dosc")
    assert_error(ran, 2, "there is no migration 'dosc' to go on with", "--source-type", "--target-index")


# State files.


def newer(path, good):
    shutil.copy(good, path)
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA user_version = 99")
    connection.close()


def truncated(path, good):
    path.write_bytes(good.read_bytes()[:10_000])


def somebody_elses(path, good):
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE mine (id INTEGER PRIMARY KEY)")
    connection.close()


def text(path, good):
    path.write_text("dear diary\n" * 100)


NOT_OURS = (
    (newer, 2, "is of version 99, and this program knows versions up to"),
    (truncated, 1, "is not a state file, or is damaged"),
    (somebody_elses, 1, "is a SQLite file, but not a state file of vectormigrate"),
    (text, 1, "is not a state file, or is damaged"),
)


def test_a_state_file_that_is_none_of_ours(terminal, tmp_path, flags):
    assert terminal.run("migrate", "docs", *flags).code == 0
    target = prints(tmp_path)["new.db"]
    for make, code, told in NOT_OURS:
        wrong = tmp_path / f"{make.__name__}.db"
        make(wrong, tmp_path / "state.db")
        before = wrong.read_bytes()
        for line in (
            ["status", "docs"],
            ["migrate", "more", *flags],
            ["list"],
            ["rollback", "docs", "--force"],
        ):
            assert_error(terminal.run(*line, "--state", str(wrong)), code, told, str(wrong))
        assert wrong.read_bytes() == before
    assert prints(tmp_path)["new.db"] == target


def test_a_state_file_where_none_can_be(terminal, tmp_path, flags):
    for place in (tmp_path, tmp_path / "old.db" / "state.db"):
        assert_error(
            terminal.run("migrate", "docs", *flags, "--state", str(place)), 1, str(place), "--state FILE"
        )
    assert not (tmp_path / "new.db").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_state_file_in_a_folder_that_may_not_be_written(terminal, tmp_path, flags):
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    ran = terminal.run("migrate", "docs", *flags, "--state", str(folder / "state.db"))
    assert_error(ran, 1, str(folder), "--state FILE")
    assert not (tmp_path / "new.db").exists()


# Configuration files.


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'[stores.old]\nkind = "sqlite"\nurl = "ol', "is not valid TOML"),
        (b"[migrate]\nbatch_sise = 5\n", "line 2: migrate.batch_sise is not known"),
        (b"[migrate]\nbatch_size = 0\n", "line 2: migrate.batch_size must be a whole number from 1"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b'[migrate]\nsource = "old"\n', "names the store 'old', which is not in the file"),
    ],
)
def test_a_configuration_that_cannot_be_used(terminal, tmp_path, flags, content, told):
    (tmp_path / "vectormigrate.toml").write_bytes(content)
    for line in (["migrate", "docs", *flags], ["config", "check"], ["list"]):
        assert_error(terminal.run(*line), 2, "vectormigrate.toml", told)
    assert not (tmp_path / "state.db").exists()


def test_a_variable_that_is_not_set_is_missed_by_those_alone_who_need_it(terminal, tmp_path, flags):
    """A shell that has not the daemon's secrets can look all the same."""
    text = b'[stores.x]\nkind = "pgvector"\nurl = "postgresql://u:${NO_PASSWORD}@h/x"\n'
    (tmp_path / "vectormigrate.toml").write_bytes(text)
    assert terminal.run("list").code == 0
    for line in (
        ["migrate", "docs", *flags[:6], "--target", "x", "--target-index", "docs"],
        ["config", "check"],
    ):
        assert_error(terminal.run(*line), 2, "NO_PASSWORD")
    assert not (tmp_path / "state.db").exists()


# A second owner, and words from another shell.


def test_a_second_owner_touches_nothing(terminal, tmp_path, flags):
    other = [word.replace("new.db", "other.db") for word in flags]
    with terminal.copying("docs", *flags, *SLOW) as process:
        for line in (["migrate", "more", *other], ["resume", "docs"], ["rollback", "docs", "--force"]):
            assert_error(terminal.run(*line), 7, f"in use by process {process.pid}", retry=True)
        assert not (tmp_path / "other.db").exists()
        assert unknown(terminal, "more")
        assert_error(terminal.run("pause", "more"), 2, "there is no migration 'more'")
        assert process.poll() is None
        process.kill()
        process.communicate()
    full_speed(terminal)
    assert terminal.run("resume", "docs").code == 0


def test_paused_from_a_second_shell_and_resumed(terminal, flags):
    with terminal.copying("docs", *flags, *SLOW) as process:
        paused = terminal.run("pause", "docs", "--json")
        _, err = process.communicate(timeout=30)
    assert paused.code == 0
    assert paused.document["phase"] == "paused"
    assert process.returncode == 0, err
    assert "paused; go on with: vectormigrate resume docs" in err
    assert 0 < paused.document["copied"] < COUNT
    assert_resumes_exactly(terminal)


# Signals.


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_one_signal_writes_a_checkpoint(terminal, flags, number, code):
    with terminal.copying("docs", *flags, *SLOW) as process:
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == code, err
    assert "checkpoint written; go on with: vectormigrate resume docs" in err
    assert "Traceback" not in err
    held = terminal.sql("new.db", "SELECT count(*) FROM docs")[0][0]
    assert terminal.run("status", "docs", "--json").document["copied"] == held
    assert_resumes_exactly(terminal)


def test_a_second_signal_leaves_at_once(terminal, flags):
    # One record a batch and one a second: the batch under way has a second to wait for its turn.
    with terminal.copying("docs", *flags, "--batch-size", "1", "--max-rate", "1") as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        while "once more leaves at once" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=5)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "checkpoint written" not in err
    terminal.sql(
        "state.db",
        "UPDATE migration SET specification = replace(specification, '\"max_rate\":1.0', '\"max_rate\":0.0')",
    )
    assert terminal.run("resume", "docs").code == 0
    seen = terminal.run("validate", "docs", "--full", "--json").document
    assert (seen["ok"], seen["compared"]) == (True, COUNT)


# Nobody there.


def test_a_rollback_that_nobody_confirms_changes_nothing(terminal, tmp_path, flags):
    assert terminal.run("migrate", "docs", *flags).code == 0
    before = prints(tmp_path)["new.db"]
    assert_error(terminal.run("rollback", "docs"), 4, "nobody can be asked here", "--yes")
    assert_error(terminal.run("rollback", "docs", says="yes\n"), 4, "not confirmed; nothing was changed")
    assert prints(tmp_path)["new.db"] == before
    assert terminal.run("status", "docs", "--json").document["phase"] == "verified"


@pytest.mark.parametrize("line", [["list"], ["list", "--json"], ["config", "show"]])
def test_an_output_that_nobody_reads(terminal, line):
    reading, writing = os.pipe()
    os.close(reading)
    ended = command(terminal, *line, stdout=writing)
    os.close(writing)
    assert ended.returncode == 1
    assert ended.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_output_that_is_full(terminal, flags):
    with Path("/dev/full").open("wb") as full:
        ended = command(terminal, "migrate", "docs", *flags, stdout=full.fileno())
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "the command is through, but its result cannot be written: No space left on device" in ended.stderr
    assert terminal.run("status", "docs", "--json").document["phase"] == "verified"


def command(terminal, *line, stdout):
    return subprocess.run(
        [sys.executable, "-m", "vectormigrate", *line],
        env={**os.environ, **terminal.environ},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )


# Full disks.


@pytest.fixture
def disk(tmp_path):
    """A small disk of its own: a folder, and how to make it larger."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mounting, capture_output=True, check=False).returncode:
        pytest.skip("a disk of its own needs the right to mount one")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def enlarge(disk):
    subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)


def test_a_full_disk_under_the_target(terminal, tmp_path, disk):
    source = plain_source(tmp_path / "old.db", 1000, 256)
    ran = terminal.run(
        "migrate", "docs", *words(source, Side("sqlite", str(disk / "new.db"))), "--max-retries", "0"
    )
    assert_error(ran, 5, "the disk is full", "sqlite: docs", "free some space", retry=True)
    status = terminal.run("status", "docs", "--json").document
    assert (status["phase"], status["resume_phase"], status["dead_letters"]) == ("failed", "backfill", 0)
    assert 0 < status["copied"] < 1000
    assert terminal.sql("disk/new.db", "SELECT count(*) FROM docs") == [(status["copied"],)]
    enlarge(disk)
    assert terminal.run("resume", "docs").code == 0
    seen = terminal.run("validate", "docs", "--full", "--json").document
    assert (seen["ok"], seen["bit_equal"]) == (True, 1000)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # Milvus Lite leaves its log open
def test_a_full_disk_under_milvus_lite(terminal, tmp_path, disk):
    source = plain_source(tmp_path / "old.db", 1000, 256)
    target = Side("milvus", str(disk / "milvus.db"))
    ran = terminal.run("migrate", "docs", *words(source, target), "--max-retries", "0")
    assert_error(ran, 5, "the disk of milvus is full", "docs", "free some space", retry=True)
    status = terminal.run("status", "docs", "--json").document
    assert (status["phase"], status["resume_phase"], status["dead_letters"]) == ("failed", "backfill", 0)
    assert status["copied"] < 1000
    enlarge(disk)
    assert terminal.run("resume", "docs").code == 0
    seen = terminal.run("validate", "docs", "--full", "--json").document
    assert (seen["ok"], seen["bit_equal"]) == (True, 1000)


@pytest.mark.parametrize("free", [0, 20_000, 130_000])
def test_a_full_disk_under_the_state(terminal, tmp_path, disk, flags, free):
    (disk / "others").write_bytes(bytes(400 * 1024 - 4096 - free))
    terminal.environ["VECTORMIGRATE_STATE"] = str(disk / "state.db")
    ran = terminal.run("migrate", "docs", *flags, "--batch-size", "3", "--validate-every", "0")
    assert_error(ran, 1, "disk/state.db", "free space on its disk", retry=True)
    (disk / "others").unlink()
    enlarge(disk)
    assert terminal.run("migrate", "docs", *flags, "--batch-size", "3", "--validate-every", "0").code == 0
    seen = terminal.run("validate", "docs", "--full", "--json").document
    assert (seen["ok"], seen["bit_equal"], seen["target_count"]) == (True, COUNT, COUNT)


def test_no_secret_is_printed_by_any_command(terminal, tmp_path, flags):
    secret = ["--source-api-key", PASSWORD]
    assert terminal.run("migrate", "docs", *flags, *secret, "--verbose").code == 0
    for line in (
        ["status", "docs"],
        ["config", "show"],
        ["doctor", "docs"],
        ["plan", "docs"],
        ["report", "docs"],
    ):
        ran = terminal.run(*line)
        assert PASSWORD not in ran.out + ran.err
