"""systemd's own tools on the units, without systemd: syntax, and how exposed a service is."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

DEPLOY = Path(__file__).parents[2] / "deploy"
SERVICES = sorted(DEPLOY.glob("*.service"))
MOST = 2.0
"""Of ten; a unit that says nothing has 9.6."""

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze: systemd is not installed"
)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.name)
def test_a_service_may_do_little(unit):
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    level = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    assert level, done.stdout + done.stderr
    assert float(level[1]) <= MOST


@pytest.mark.parametrize("unit", [*SERVICES, *sorted(DEPLOY.glob("*.socket"))], ids=lambda path: path.name)
def test_a_unit_can_be_read(unit, tmp_path):
    for one in (*SERVICES, *DEPLOY.glob("*.socket")):
        text = one.read_text().replace("/opt/vectormigrate/bin/vectormigrate", shutil.which("true"))
        (tmp_path / one.name).write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / unit.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "vectormigrate" in line]
    assert ours == [], done.stderr
