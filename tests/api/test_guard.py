"""Attacks on the door of the API. `docs/security.md` names these tests by the threats that they answer."""

import asyncio
import base64
import json
import tracemalloc
from dataclasses import replace

from tests.fakes.api import KEY, site
from tests.fakes.wire import connected
from vectormigrate.api.guard import key_of
from vectormigrate.daemon.api_served import LIMITS

BEARER = b"Authorization: Bearer "
GOOD = BEARER + KEY.encode()
PATHS = ("/", "/mcp", "/v1/migrations", "/v1/events", "/v1/openapi.json", "/v1/keys", "/metrics", "/anything")


async def test_nothing_but_health_is_answered_without_a_key(tmp_path):
    async with site(tmp_path, burst=1_000_000) as here:
        for path in PATHS:
            for method in ("GET", "POST", "DELETE", "OPTIONS", "HEAD"):
                async with connected(here.address) as wire:
                    await wire.send(f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    status, _ = await wire.head()
                assert (method, path, status) == (method, path, 401)


async def test_health_is_answered_to_a_get_alone(here):
    for path in ["/healthz", "/livez", "/readyz"]:
        assert (await here.raw("GET", path)).status == 200
        assert (await here.raw("POST", path)).status == 401


async def test_no_way_of_writing_a_path_leads_past_the_door(here):
    for path in [
        "/healthz/",
        "//healthz",
        "/healthz/..",
        "/healthz/../v1/keys",
        "/healthz%2f..%2fv1/keys",
        "/v1/keys/../../healthz",
        "/v1/keys%3f/healthz",
        "/%68ealthz",
        "/healthz;/v1/keys",
        "/HEALTHZ",
        "/./healthz",
        "http://localhost/v1/keys",
        "/healthz%00",
        "/healthz%0a",
    ]:
        answer = await here.raw("GET", path)
        assert answer.status in (400, 401)
        assert b"keys" not in answer.body


async def test_a_path_may_name_health_as_its_host(here):
    """An absolute URL is allowed by HTTP; it is the path of it that counts."""
    assert (await here.raw("GET", "http://localhost/healthz")).status == 200
    assert (await here.raw("GET", "http://healthz/v1/keys")).status == 401


async def test_a_wrong_key_opens_nothing(here):
    for header in [
        b"Authorization: Bearer wrong",
        b"Authorization: Bearer " + KEY.encode()[:-1],
        b"Authorization: Bearer " + KEY.encode() + b"x",
        b"Authorization: Bearer vmk_abcdefgh_" + b"x" * 43,
        b"Authorization: Bearer vmk_" + b"x" * 10_000,
        b"Authorization: Bearer \xff\xfe",
        b"Authorization: Basic !!!",
        b"Authorization: Basic " + base64.b64encode(b"user:wrong"),
        b"Authorization: Digest username=admin",
        b"Authorization:",
        b"X-API-Key: " + KEY.encode(),
    ]:
        assert (await here.raw("GET", "/v1/migrations", b"", header)).status == 401


async def test_a_key_is_taken_as_bearer_and_as_a_password(here):
    basic = b"Authorization: Basic " + base64.b64encode(b"me:" + KEY.encode())
    for header in (GOOD, GOOD.replace(b"Bearer", b"bearer"), basic):
        assert (await here.raw("GET", "/v1/migrations", b"", header)).status == 200
    assert key_of(b"Basic " + base64.b64encode(b"alone")) == "alone"


async def test_who_looks_with_a_browser_is_asked_for_a_key(here):
    asked = await here.raw("GET", "/v1/migrations", b"", b"Accept: text/html")
    assert [value.split()[0] for name, value in asked.headers if name == b"www-authenticate"] == [
        b"Bearer",
        b"Basic",
    ]
    other = await here.raw("GET", "/v1/migrations")
    assert [value.split()[0] for name, value in other.headers if name == b"www-authenticate"] == [b"Bearer"]


async def test_a_scope_that_is_too_low_opens_nothing(here):
    for scope, method, path, body in [
        ("read", "POST", "/v1/migrations/docs/rollback", {}),
        ("read", "POST", "/v1/migrations/docs/cutover", {}),
        ("read", "POST", "/v1/migrations/docs/pause", {}),
        ("read", "POST", "/v1/migrations/docs/dead-letters", {"retry": True}),
        ("read", "POST", "/v1/migrations", {"migration_id": "x"}),
        ("operate", "GET", "/v1/keys", None),
        ("operate", "POST", "/v1/keys", {"scope": "admin"}),
        ("operate", "GET", "/v1/audit", None),
        ("operate", "POST", "/v1/migrations", {"migration_id": "x", "source_url": "http://169.254.169.254/"}),
        ("operate", "POST", "/v1/migrations/x/plan", {"target_api_key": "env:HOME"}),
        ("operate", "POST", "/v1/doctor", {"source_type": "sqlite", "source_url": "/etc/passwd"}),
        (
            "admin",
            "POST",
            "/v1/migrations",
            {"migration_id": "x", "source_api_key": "command:touch /tmp/owned"},
        ),
        ("admin", "POST", "/v1/migrations/x/plan", {"source_api_key": "file:/etc/shadow"}),
    ]:
        key = await here.key(scope)
        status, problem = await here.ask(method, path, body, key=key)
        assert (status, problem["code"]) == (403, "forbidden")
        last = (await here.audit())[-1]
        assert (last["actor"], last["outcome"]) == (f"key {key.split('_')[1]}", "forbidden")


async def test_a_revoked_or_expired_key_opens_nothing_any_more(here):
    _, made = await here.ask("POST", "/v1/keys", {"days": 1})
    key = made["secret"]
    assert (await here.ask("GET", "/v1/migrations", key=key))[0] == 200
    here.clock.advance(86_401)
    assert (await here.ask("GET", "/v1/migrations", key=key))[0] == 401
    other = await here.key("read")
    await here.ask("POST", f"/v1/keys/{other.split('_')[1]}/revoke")
    assert (await here.ask("GET", "/v1/migrations", key=other))[0] == 401


# How much.


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(tmp_path):
    async with (
        site(tmp_path, limits=replace(LIMITS, body=4 * 2**20)) as here,
        connected(here.address) as wire,
    ):
        head = (
            b"POST /v1/keys HTTP/1.1\r\nHost: localhost\r\n" + GOOD + b"\r\nContent-Length: 2000000\r\n\r\n"
        )
        await wire.send(head)
        status, _ = await wire.head()
    assert status == 413


async def test_a_body_that_does_not_say_how_large_it_is_is_refused_when_it_is_too_large(tmp_path):
    async with (
        site(tmp_path, limits=replace(LIMITS, body=4 * 2**20)) as here,
        connected(here.address) as wire,
    ):
        head = (
            b"POST /v1/keys HTTP/1.1\r\nHost: localhost\r\n"
            + GOOD
            + b"\r\nContent-Type: application/json\r\n"
        )
        chunk = b"100000\r\n" + b"x" * 2**20 + b"\r\n"
        await wire.send(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + chunk + b"0\r\n\r\n")
        status, _ = await wire.head()
    assert status == 413


async def test_a_body_that_is_deep_or_no_json_is_refused(here):
    for body in (b"[" * 200_000, b'{"a":' * 50_000, b"{", b"\xff", b"nope"):
        answer = await here.raw("POST", "/v1/keys", body, GOOD, b"Content-Type: application/json")
        assert answer.status == 400
    assert (await here.raw("POST", "/v1/keys", b"a=b", GOOD)).status == 415


async def test_a_head_that_is_a_bomb_is_refused(here):
    async with connected(here.address) as wire:
        await wire.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        try:
            for number in range(2_000):
                await wire.send(b"X-%d: %s\r\n" % (number, b"y" * 100))
            status, _ = await wire.head()
            assert status == 431
        except (ConnectionError, EOFError):
            pass  # it had gone before everything was sent


async def test_who_sends_slowly_is_let_go(tmp_path):
    async with site(tmp_path, limits=replace(LIMITS, arrival=0.05)) as here:
        for begun, status in (
            (b"GET /healthz HT", b"408"),
            (
                b"POST /v1/keys HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n" + GOOD + b"\r\n\r\nx",
                b"408",
            ),
        ):
            async with connected(here.address) as wire:
                await wire.send(begun)
                assert status in await wire.reader.read()
    async with (
        site(tmp_path, limits=replace(LIMITS, idle=0.05)) as here,
        connected(here.address) as wire,
    ):
        assert await wire.ended()


async def test_a_flood_of_wrong_keys_is_turned_away_and_does_not_fill_the_disk(tmp_path):
    async with site(tmp_path, per_minute=60.0, burst=20) as here:
        statuses = [(await here.raw("GET", "/v1/keys", b"", BEARER + b"%d" % n)).status for n in range(60)]
        assert statuses == [401] * 20 + [429] * 40
        turned = await here.raw("GET", "/v1/keys", b"", GOOD)
        assert turned.status == 429
        assert turned.header(b"retry-after") == b"1"
        here.clock.advance(60)
        rows = [row for row in await here.audit() if row["actor"] == "nobody"]
        assert len(rows) == 21
        assert rows[-1]["outcome"] == "rate_limited"


async def test_a_good_key_may_ask_so_often_and_is_told_when_again(tmp_path):
    async with site(tmp_path, per_minute=60.0, burst=20) as here:
        statuses = [(await here.ask("GET", "/v1/migrations"))[0] for _ in range(25)]
        assert statuses == [200] * 20 + [429] * 5
        status, problem = await here.ask("GET", "/v1/migrations")
        assert (status, problem["retryable"], problem["retry_after"]) == (429, True, 1.0)
        here.clock.advance(60)
        told = [row["detail"] for row in await here.audit() if row["verb"] == "requests"]
        assert told == ["6 in a row were turned away"]


async def test_a_browser_may_ask_more_often_and_takes_nothing_from_a_program(tmp_path):
    basic = b"Authorization: Basic " + base64.b64encode(b"me:" + KEY.encode())
    async with site(tmp_path, per_minute=60.0, burst=3) as here:
        statuses = [(await here.raw("GET", "/v1/migrations", b"", basic)).status for _ in range(20)]
        assert statuses == [200] * 18 + [429] * 2
        assert (await here.ask("GET", "/v1/migrations"))[0] == 200
        here.clock.advance(1)
        assert (await here.raw("GET", "/v1/migrations", b"", basic)).status == 200
        told = [row["detail"] for row in await here.audit() if row["verb"] == "requests"]
        assert told == ["2 in a row were turned away"]


async def test_a_browser_with_a_wrong_key_is_a_stranger(tmp_path):
    basic = b"Authorization: Basic " + base64.b64encode(b"me:wrong")
    async with site(tmp_path, per_minute=60.0, burst=3) as here:
        statuses = [(await here.raw("GET", "/v1/migrations", b"", basic)).status for _ in range(5)]
        assert statuses == [401] * 3 + [429] * 2


async def test_files_of_the_page_are_not_counted_but_need_the_key(tmp_path):
    async with site(tmp_path, per_minute=60.0, burst=20) as here:
        for _ in range(30):
            assert (await here.ask("GET", "/dashboard/none.js"))[0] == 404
        assert (await here.ask("GET", "/v1/migrations"))[0] == 200
        assert (await here.ask("GET", "/dashboard/none.js", key="wrong"))[0] == 401


async def test_a_hundred_thousand_keys_take_no_memory(here):
    """Those without a good key share the bucket of their address; nothing is kept of what they showed."""
    keyring = here.parts.keyring
    for number in range(95_000):
        assert keyring.open(f"key {number}", "rest") is None
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(5_000):
        assert keyring.open(f"vmk_{number}_secret", "rest") is None
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 200_000


# From where.


async def test_a_name_that_leads_here_by_a_trick_is_refused(here):
    for host in [
        b"evil.test",
        b"evil.test:8080",
        b"localhost.evil.test",
        b"127.0.0.1.evil.test",
        b"",
        b"[evil]",
        b"a@localhost",
    ]:
        assert (await here.raw("GET", "/v1/migrations", b"", GOOD, host=host)).status == 421
        assert (await here.raw("GET", "/healthz", b"", host=host)).status == 421


async def test_addresses_and_the_names_that_are_ours_are_not(here):
    for host in [
        b"localhost",
        b"LOCALHOST:80",
        b"127.0.0.1:1",
        b"[::1]:80",
        b"10.1.2.3",
        b"migrations.test",
        b"Migrations.test:443",
    ]:
        assert (await here.raw("GET", "/v1/migrations", b"", GOOD, host=host)).status == 200


async def test_two_hosts_are_none(here):
    answer = await here.raw("GET", "/v1/migrations", b"", GOOD, b"Host: evil.test")
    assert answer.status == 421


async def test_a_page_of_another_site_may_not_ask(here):
    for headers in [
        [b"Origin: http://evil.test"],
        [b"Origin: null"],
        [b"Origin: https://localhost"],
        [b"Origin: http://localhost:81"],
        [b"Sec-Fetch-Site: cross-site"],
        [b"Sec-Fetch-Site: same-site", b"Sec-Fetch-Mode: cors"],
    ]:
        for method in ("GET", "POST"):
            assert (await here.raw(method, "/v1/migrations", b"", GOOD, *headers)).status == 403


async def test_a_page_of_ours_and_a_link_to_us_may(here):
    assert (await here.raw("GET", "/v1/migrations", b"", GOOD, b"Origin: http://localhost")).status == 200
    followed = [b"Sec-Fetch-Site: cross-site", b"Sec-Fetch-Mode: navigate"]
    assert (await here.raw("GET", "/v1/migrations", b"", GOOD, *followed)).status == 200


async def test_every_answer_says_how_it_may_be_used(here):
    for answer in (
        await here.raw("GET", "/healthz"),
        await here.raw("GET", "/v1/keys"),
        await here.raw("GET", "/no", b"", GOOD),
    ):
        assert answer.header(b"cache-control") == b"no-store"
        assert answer.header(b"x-content-type-options") == b"nosniff"
        assert b"default-src 'none'" in answer.header(b"content-security-policy")


# What is said back, and written down.

HOSTILE = (
    "<script>alert(1)</script>",
    "a\r\nSet-Cookie: x=1",
    "\x1b[31mred",
    "${HOME}",
    "'; DROP TABLE audit; --",
    "\u202egnp",
)


async def test_what_is_sent_steers_nothing(here):
    """Ids and labels come back as JSON, in the audit as text of one line."""
    for text in HOSTILE:
        status, problem = await here.ask("POST", "/v1/migrations", {"migration_id": text})
        assert status == 400
        await here.ask("POST", "/v1/keys", {"label": text})
        answer = await here.raw("GET", "/v1/keys", b"", GOOD)
        assert answer.header(b"content-type") == b"application/json"
        assert answer.header(b"set-cookie") is None
        assert text in {key["label"] for key in json.loads(answer.body)["keys"]}
        assert problem["code"] == "usage"
        assert (await here.ask("GET", "/v1/audit/verify"))[1]["ok"] is True


async def test_lines_of_the_copy_are_lines(tmp_path):
    async with site(tmp_path, audit_log=tmp_path / "audit.jsonl") as here:
        for text in HOSTILE:
            await here.ask("POST", "/v1/keys", {"label": text})
        rows = await here.audit()
    lines = (tmp_path / "audit.jsonl").read_text().split("\n")
    assert [json.loads(line)["number"] for line in lines[:-1]][: len(rows)] == [row["number"] for row in rows]


async def test_no_secret_is_in_anything_that_is_kept_or_said(tmp_path, caplog):
    caplog.set_level("DEBUG")
    secrets = ["sekrit-source-key", "sekrit-password", "sekrit-mistyped-key", KEY]
    async with site(tmp_path, audit_log=tmp_path / "audit.jsonl") as here:
        secrets.append((await here.key("read")).split("_", 2)[2])  # the half that is not public
        await here.raw("GET", "/v1/keys", b"", BEARER + b"sekrit-mistyped-key")
        given = {
            "migration_id": "docs",
            "source_type": "qdrant",
            "source_url": "http://127.0.0.1:1",
            "source_index": "a",
            "source_api_key": "sekrit-source-key",
            "target_type": "pgvector",
            "target_url": "postgresql://me:sekrit-password@127.0.0.1:1/x",
            "target_index": "b",
        }
        said = [
            await here.ask("POST", path, given) for path in ("/v1/migrations", "/v1/migrations/docs/plan")
        ]
        await here.finished(said[0][1])
        said.append(await here.ask("GET", f"/v1/operations/{said[0][1]['id']}"))
        said += [
            await here.ask("GET", path) for path in ("/v1/operations", "/v1/keys", "/v1/audit", "/v1/events")
        ]
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    everything = repr(said) + caplog.text + kept.decode("latin-1")
    assert [secret for secret in secrets if secret in everything] == []
    assert "source_api_key" in said[0][1] or "***" in everything


async def test_what_the_audit_misses_is_seen(here):
    await here.ask("GET", "/v1/migrations")
    assert (await here.ask("GET", "/v1/audit/verify"))[1]["ok"] is True

    def forge(tx):
        tx.execute("DROP TRIGGER audit_stays; UPDATE audit SET actor = 'somebody else' WHERE number = 1")

    await here.control.database.write(forge)
    _, seen = await here.ask("GET", "/v1/audit/verify")
    assert (seen["ok"], seen["broken"]) == (False, ["row 1 does not fit the one before it"])


async def test_every_request_is_written_down(here):
    await here.ask("GET", "/v1/openapi.json")
    await here.ask("GET", "/v1/nothing")
    await here.raw("GET", "/v1/keys")
    await here.raw("GET", "/v1/keys", b"", BEARER + b"wrong")
    await here.ask("POST", "/v1/keys", {"scope": "emperor"})
    told = [(row["verb"], row["outcome"], row["actor"]) for row in await here.audit()]
    assert told[:5] == [
        ("GET /v1/openapi.json", "ok", "key configured"),
        ("GET /v1/nothing", "404", "key configured"),
        ("GET /v1/keys", "unauthorized", "nobody"),
        ("GET /v1/keys", "wrong_key", "nobody"),
        ("keys", "usage", "key configured"),
    ]


async def test_a_request_whose_end_never_comes_is_written_down_and_no_error_of_ours(here, caplog):
    for path in ("/v1/keys", "/", "/v1/admin/migrate-vec"):
        async with connected(here.address) as wire:
            head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n".encode()
            await wire.send(head + GOOD + b"\r\nContent-Type: application/json\r\n\r\n{")
        async with asyncio.timeout(10):
            while (f"POST {path}", "408") not in {
                (row["verb"], row["outcome"]) for row in await here.audit()
            }:
                await asyncio.sleep(0.01)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


async def test_a_request_that_was_cut_off_harms_nobody(here):
    for piece in (
        b"POST /v1/keys HTTP/1.1\r\nHost: localhost\r\n" + GOOD + b"\r\nContent-Length: 50\r\n\r\n{",
        b"\x16\x03\x01",
    ):
        async with connected(here.address) as wire:
            await wire.send(piece)
    async with asyncio.timeout(10):
        assert (await here.ask("GET", "/v1/migrations"))[0] == 200
