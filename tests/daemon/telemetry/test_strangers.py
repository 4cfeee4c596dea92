import logging

from tests.fakes.clock import FakeClock
from vectormigrate.daemon.telemetry.strangers import Strangers


def test_each_is_counted_and_told_once_a_minute(caplog):
    clock = FakeClock()
    strangers = Strangers(clock)
    with caplog.at_level(logging.WARNING):
        for number in range(1_000):
            strangers.turned_away("api", "no_http", f"10.0.0.{number % 200}")
        strangers.turned_away("docs", "tls", "")
        clock.advance(60)
        strangers.turned_away("api", "no_http", "10.0.0.7")
        strangers.turned_away("api", "no_http", "10.0.0.8")
    assert strangers.seen == {("api", "no_http"): 1_002, ("docs", "tls"): 1}
    assert [record.getMessage() for record in caplog.records] == [
        "api: connections that spoke no HTTP: 1, the last from 10.0.0.0",
        "docs: connections that did not agree on TLS: 1",
        "api: connections that spoke no HTTP: 1000, the last from 10.0.0.7",
    ]
