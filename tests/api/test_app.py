"""The application: what is mounted on it stands behind the same door; it is tried in `test_guard.py`."""

from starlette.responses import PlainTextResponse
from starlette.routing import Route

from tests.fakes.api import KEY, site

GOOD = b"Authorization: Bearer " + KEY.encode()


async def _page(request):
    return PlainTextResponse(
        f"for {request.state.principal.name}", headers={"content-security-policy": "own"}
    )


async def _ready(request):
    return PlainTextResponse("not yet", 503)


async def test_what_other_rooms_mount_is_behind_the_door(tmp_path):
    def mount(host, parts):
        assert parts.keyring.empty is False
        return [Route("/dashboard", _page), Route("/readyz", _ready)]

    async with site(tmp_path, mounts=[mount]) as here:
        assert (await here.raw("GET", "/dashboard")).status == 401
        answer = await here.raw("GET", "/dashboard", b"", GOOD)
        assert (answer.status, answer.body) == (200, b"for key configured")
        assert [value for name, value in answer.headers if name == b"content-security-policy"] == [b"own"]
        ready = await here.raw("GET", "/readyz")
        assert (ready.status, ready.body) == (503, b"not yet")
        assert (await here.raw("GET", "/healthz")).body == b"ok\n"


async def test_draining_lets_followers_go(here):
    application = here.api.application
    assert application.draining is False
    following = here.chronicle.follow(None, None, beat=30)
    application.draining = True
    assert application.draining is True
    assert [event async for event in following] == []


async def test_what_nobody_foresaw_tells_nothing(tmp_path, caplog):
    async def broken(request):
        raise RuntimeError("secret detail")

    async with site(tmp_path, mounts=[lambda host, parts: [Route("/broken", broken)]]) as here:
        status, problem = await here.ask("GET", "/broken")
    assert (status, problem["code"]) == (500, "error")
    assert "secret detail" not in str(problem)
    assert "secret detail" in caplog.text
