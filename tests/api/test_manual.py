"""The page of requests, as a browser gets it."""

import json
import re

from tests.fakes.api import KEY, site
from vectormigrate.api import openapi
from vectormigrate.api.manual import page


def test_every_request_and_document_is_on_it_and_every_link_leads_somewhere():
    shown = page()
    told = json.loads(openapi.encoded())
    for path, entries in told["paths"].items():
        for method in entries:
            assert f"<code>{method.upper()} {path}</code>" in shown
    ids = set(re.findall(r'id="([^"]+)"', shown))
    assert told["components"]["schemas"].keys() <= ids
    assert set(re.findall(r'href="#([^"]+)"', shown)) <= ids
    assert "<code>sample_size</code>" in shown
    assert "Compare this many records, chosen at random. Default: 100." in shown
    assert "<script" not in shown
    assert set(re.findall(r'(?:href|src)="([^"#][^"]*)"', shown)) == {
        "/dashboard/",
        "openapi.json",
    }


async def test_it_is_behind_the_door_like_everything_else(tmp_path):
    async with site(tmp_path) as here:
        refused = await here.raw("GET", "/v1/docs", b"", b"Accept: text/html")
        assert (refused.status, b"Basic" in b"".join(value for _, value in refused.headers)) == (401, True)
        shown = await here.raw("GET", "/v1/docs", b"", b"Authorization: Bearer " + KEY.encode())
        assert (shown.status, shown.header(b"content-type")) == (200, b"text/html; charset=utf-8")
        assert b"style-src 'sha256-" in shown.header(b"content-security-policy")
        assert b"POST /v1/migrations" in shown.body
