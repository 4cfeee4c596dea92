"""Twenty-four hours of operation in minutes: whatever can go wrong does, and the alert rules say so, then and only then.

The day is `day/story.py`, and what of it needs processes and sockets `day/process.py`; the judge is `promtool test rules` over every scrape of it.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from integration.day.process import assistant_that_dies, assistant_that_hangs_up, operations, served
from integration.day.scrapes import EVERY, Series
from integration.day.site import RECORDS, Site
from integration.day.story import Day
from tests.fakes.virtual import virtual_loop
from vectormigrate.daemon.tasks import SystemClock

pytestmark = [
    pytest.mark.timeout(3000),
    pytest.mark.skipif(
        shutil.which("promtool") is None,
        reason="promtool is not installed (Debian: prometheus): nothing can judge the alert rules",
    ),
]
RULES = Path(__file__).parents[1] / "deploy" / "prometheus" / "alerts.yml"
OF_THE_MACHINE = {"VectormigrateStateDiskLow", "VectormigrateAddedLatency", "VectormigrateLoopHeld"}
"""How full the disk of a real process is, and how much of a processor it gets, is nothing that a test does; the day on a virtual
clock has them.
"""


async def lived(site: Site, folder: Path) -> None:
    """The whole day; the file for promtool."""
    await site.world.fill(range(RECORDS))
    await site.start()
    assert site.host is not None
    await site.host.create(site.world.spec)
    await site.word("attest", by="an operator")
    async with asyncio.TaskGroup() as group:
        application = group.create_task(site.application())
        await site.until("verified")
        day, series = Day(site, site.clock), Series.of(RULES, site.clock.now().timestamp())

        async def scrape() -> None:
            while True:
                series.add(await site.scrape())
                await asyncio.sleep(EVERY)

        scraping = group.create_task(scrape())
        await day.tell()
        scraping.cancel()
        application.cancel()
    await site.settled()
    await site.end()
    alerts = re.findall(r"alert: (\w+)", RULES.read_text())
    (folder / "day.json").write_text(json.dumps(series.document(RULES, alerts, day.due)))


def test_alerts_fire_that_should_and_none_that_should_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = virtual_loop()
    site = Site(tmp_path)
    monkeypatch.setattr(os, "statvfs", site.statvfs)
    try:
        loop.run_until_complete(lived(site, tmp_path))
        assert site.world.equal()
    finally:
        loop.close()
        site.close()
    judge(tmp_path)


def judge(folder: Path) -> None:
    """Ask promtool."""
    judged = subprocess.run(
        ["promtool", "test", "rules", str(folder / "day.json")], capture_output=True, text=True, check=False
    )
    assert judged.returncode == 0, judged.stdout[-20_000:] + judged.stderr[-20_000:]


async def test_what_stands_around_a_daemon_comes_and_goes_and_no_alert_fires(tmp_path: Path) -> None:
    """The collector of spans dies and returns, assistants are killed at work, configurations are read again, good and
    broken, keys are changed. The application is answered all the while. Every scrape stands for a quarter of a minute.
    """
    series = Series.of(RULES, SystemClock().now().timestamp())
    async with served(tmp_path) as (daemon, collector):

        async def scrapes() -> None:
            for _ in range(40):  # ten minutes of what it is now
                series.add(await daemon.scrape())

        await collector.hears()
        await scrapes()
        await collector.die()
        await scrapes()
        await assistant_that_dies(daemon)
        await assistant_that_hangs_up(daemon)
        await scrapes()
        await collector.start()
        await collector.hears()
        async with asyncio.timeout(120):
            while await operations(daemon) != ["succeeded", "succeeded"]:
                await asyncio.sleep(0.1)

        daemon.configure("debug")
        assert "log level debug" in await daemon.reload("configuration read again")
        daemon.configure("loud")
        told = await daemon.reload("nothing was changed")
        assert "log_level" in told
        assert "debug, info" in told
        await scrapes()
        old = daemon.key
        daemon.configure("info")
        daemon.rotate("the second key of this day")
        assert (await daemon.ask("GET", "/v1/migrations", key=old))[0] == 200  # nobody was told yet
        await daemon.reload("configuration read again")
        assert (await daemon.ask("GET", "/v1/migrations", key=old))[0] == 401
        await scrapes()
        assert await daemon.phase() == "verified"
    alerts = [name for name in re.findall(r"alert: (\w+)", RULES.read_text()) if name not in OF_THE_MACHINE]
    (tmp_path / "day.json").write_text(json.dumps(series.document(RULES, alerts, [])))
    judge(tmp_path)
