"""Twenty-four hours of operation in minutes: whatever can go wrong does, and the alert rules say so, then and only then.

The day is `day/story.py`; the judge is `promtool test rules` over every scrape of it.
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

from integration.day.scrapes import EVERY, Series
from integration.day.site import RECORDS, Site
from integration.day.story import Day
from tests.fakes.virtual import virtual_loop

pytestmark = [
    pytest.mark.timeout(3000),
    pytest.mark.skipif(
        shutil.which("promtool") is None,
        reason="promtool is not installed (Debian: prometheus): nothing can judge the alert rules",
    ),
]
RULES = Path(__file__).parents[1] / "deploy" / "prometheus" / "alerts.yml"


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
    judged = subprocess.run(
        ["promtool", "test", "rules", str(tmp_path / "day.json")], capture_output=True, text=True, check=False
    )
    assert judged.returncode == 0, judged.stdout[-20_000:] + judged.stderr[-20_000:]
