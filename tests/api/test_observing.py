from types import SimpleNamespace

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from vectormigrate.api.guard import OPEN
from vectormigrate.api.observing import observing
from vectormigrate.daemon.telemetry.exposition import CONTENT_TYPE
from vectormigrate.daemon.telemetry.health import Finding


class Patient:
    """Says what a test wants."""

    def __init__(self):
        self.well = self.needed = True

    def live(self):
        return [Finding("journal", True)]

    async def ready(self):
        return [*self.live(), Finding("source of <main>", self.well, self.needed)]


class Numbered:
    def __init__(self):
        self.telemetry = SimpleNamespace(traced=False)

    async def numbers(self, *, open_metrics=False):
        return b"vectormigrate_boot_epoch 1.0\n" + (b"# EOF\n" if open_metrics else b"")


@pytest.fixture
def host():
    return Numbered()


@pytest.fixture
def patient():
    return Patient()


@pytest.fixture
def client(patient, host):
    return TestClient(Starlette(routes=observing(patient)(host, None)))


def test_well(client):
    for path in ("/livez", "/readyz", "/healthz"):
        answer = client.get(path)
        assert (answer.status_code, answer.text) == (200, "ok\n")
        assert answer.headers["cache-control"] == "no-store"


def test_not_ready_and_alive_are_two_things(client, patient):
    patient.well = False
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (503, "[-] source of <main>\nnot ok\n")
    assert answer.headers["content-type"].startswith("text/plain")
    assert client.get("/livez").status_code == 200


def test_what_is_not_needed_is_told_and_takes_nothing_out_of_service(client, patient):
    patient.well = patient.needed = False
    answer = client.get("/readyz")
    assert (answer.status_code, answer.text) == (200, "[-] source of <main>\nok\n")


def test_everything_that_was_looked_at_on_request(client):
    assert client.get("/readyz?verbose").text == "[+] journal\n[+] source of <main>\nok\n"


def test_numbers_are_in_prometheus_format(client):
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == CONTENT_TYPE
    assert answer.text == "vectormigrate_boot_epoch 1.0\n"


def test_health_needs_no_key_and_numbers_do(patient):
    paths = {route.path.encode() for route in observing(patient)(Numbered(), None)}
    assert paths - OPEN == {b"/metrics"}
    assert paths >= OPEN


def test_the_format_that_holds_traces_is_for_who_asks_where_there_are_any(client, host):
    asked = {"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"}
    assert client.get("/metrics", headers=asked).headers["content-type"] == CONTENT_TYPE
    host.telemetry.traced = True
    answer = client.get("/metrics", headers=asked)
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")
    assert client.get("/metrics").headers["content-type"] == CONTENT_TYPE
