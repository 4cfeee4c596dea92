"""The recipe of the image is linted, and what it installs is what is tested. `integration/test_image.py` builds and runs it."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

from vectormigrate.daemon import config

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"


def pinned(path):
    return dict(re.findall(r"^([\w.\-]+)(?:\[[\w,\-]+\])?==(\S+)", path.read_text(), re.MULTILINE))


def test_the_recipe_is_clean():
    linter = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [str(linter), str(DEPLOY / "Dockerfile")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_installs_the_versions_that_are_tested():
    image, tested = pinned(DEPLOY / "requirements.lock"), pinned(ROOT / "requirements.lock")
    assert image.items() <= tested.items(), "make lock"
    assert not {"pytest", "mypy", "milvus-lite"} & image.keys()


def test_the_image_reads_and_writes_snapshots_and_sends_spans():
    """Extras of the package that whoever runs an image cannot install any more; the demonstration's servers are none of them."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(extras) == {"demo", "parquet", "otel"}
    wanted = {re.match(r"[\w\-]+", one).group() for name in ("parquet", "otel") for one in extras[name]}
    assert wanted <= pinned(DEPLOY / "requirements.lock").keys()


def test_whatever_the_wheel_is_made_of_is_there_to_build_it():
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    given = re.findall(r"^COPY (.+) \./", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE)
    assert wheel["shared-data"]["docs/vectormigrate.1"] == "share/man/man1/vectormigrate.1"
    for part in (*wheel["packages"], *wheel["shared-data"]):
        assert part in given
        assert (ROOT / part).exists()


def test_the_lock_of_the_image_names_no_address():
    assert "://" not in (DEPLOY / "requirements.lock").read_text()


def test_the_process_is_nobody_and_its_signal_is_the_one_that_drains():
    text = (DEPLOY / "Dockerfile").read_text()
    assert re.findall(r"^USER (\S+)$", text, re.MULTILINE) == ["10001:10001"]
    assert "STOPSIGNAL SIGTERM" in text
    assert 'ENTRYPOINT ["vectormigrate"]' in text  # no shell that would keep the signal to itself


def test_the_trial_is_configured_as_the_daemon_understands_it():
    environ = {"POSTGRES_PASSWORD": "x"}
    settled = config.load(DEPLOY / "compose" / "vectormigrate.toml", environ)
    assert settled.migrations["docs"]["source"] == "old"
    services = yaml.safe_load((DEPLOY / "compose" / "compose.yaml").read_text())["services"]
    ours = services["vectormigrate"]
    assert (ours["read_only"], ours["cap_drop"]) == (True, ["ALL"])
    assert all(port.startswith("127.0.0.1:") for port in ours["ports"])
    assert "ports" not in services["qdrant"]


def test_nothing_but_what_the_recipe_takes_is_sent_to_be_built():
    """The whole checkout is gigabytes, with keys and state files of whoever tries it."""
    recipe = (DEPLOY / "Dockerfile").read_text()
    taken = {
        part
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", recipe, re.MULTILINE)
        for part in line.split()
    }
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in lines
    assert {line[1:] for line in lines if line.startswith("!")} == taken
