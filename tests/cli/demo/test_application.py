"""What the application of the demonstration counts, over a Qdrant that keeps its word or does not."""

import threading
import time
from types import SimpleNamespace

import pytest

from vectormigrate.cli.demo import application, dataset
from vectormigrate.cli.demo.application import Application, fill


class Qdrant:
    """As much of the client as the application uses, all of them on one collection. `fault` says what goes wrong."""

    def __init__(self, fault=""):
        self.fault = fault
        self.points = {}
        self.before = {}
        self.made = None
        self.requests = 0
        self.searches = []
        self._lock = threading.Lock()

    def _request(self):
        with self._lock:
            self.requests += 1
            if self.fault == "refuses" and self.requests % 3 == 0:
                raise ConnectionError("no")

    def create_collection(self, name, *, vectors_config):
        self.made = (name, vectors_config.size, vectors_config.distance.value)

    def upsert(self, collection, points, *, wait):
        assert wait
        self._request()
        if isinstance(points, list):
            for point in points:
                self._put(point.id, point.payload)
        else:
            for one, payload, vector in zip(points.ids, points.payloads, points.vectors, strict=True):
                assert len(vector) == dataset.DIM
                self._put(one, payload)

    def _put(self, one, payload):
        self.before[one] = self.points.get(one)
        self.points[one] = dict(payload)

    def set_payload(self, collection, payload, *, points, wait):
        assert wait
        self._request()
        for one in points:
            self._put(one, {**self.points[one], **payload})

    def delete(self, collection, ids, *, wait):
        assert wait
        self._request()
        for one in ids:
            self.before[one] = self.points.pop(one, None)

    def retrieve(self, collection, ids, *, with_payload):
        self._request()
        shown = self.points
        if self.fault == "shows what was before" and len(ids) == 1:
            shown = self.before
        if self.fault == "loses in the end" and len(ids) > 1:
            shown = {}
        return [SimpleNamespace(id=one, payload=shown[one]) for one in ids if shown.get(one) is not None]

    def query_points(self, collection, *, query, limit):
        self._request()
        self.searches.append((collection, len(query), limit))


class Held:
    """Standard input that closes when enough was written and searched."""

    def __init__(self, application):
        self._application = application

    def read(self):
        deadline = time.monotonic() + 20
        found = self._application.found
        while (found.writes_acknowledged < 120 or found.searches < 2) and time.monotonic() < deadline:
            time.sleep(0.005)


@pytest.fixture
def lived(monkeypatch, capsys):
    """What an application found in front of a Qdrant with a fault, and that Qdrant."""

    def live(fault=""):
        monkeypatch.setattr(application, "_PAUSE", 0.0005)
        monkeypatch.setattr(application, "_AGAIN", 0.001)
        qdrant = Qdrant(fault)
        monkeypatch.setattr(application, "_client", lambda url: qdrant)
        made = Application("http://there", "c")
        monkeypatch.setattr(application.sys, "stdin", Held(made))
        made.run()
        return made.found, qdrant

    return live


def wrong(found):
    return found.writes_lost, found.stale, found.resurrected


def test_where_every_word_is_kept_nothing_is_wrong(lived, capsys):
    found, qdrant = lived()
    assert wrong(found) == (0, 0, 0)
    assert (found.writes_acknowledged >= 120, found.reads > 10, found.refused) == (True, True, 0)
    assert qdrant.searches[0] == ("c", dataset.DIM, 5)
    assert capsys.readouterr().out.split()[-1] == str(found.searches)  # how many so far, for who watches


def test_a_request_without_an_answer_is_sent_again(lived):
    found, _ = lived("refuses")
    assert (wrong(found), found.refused > 10) == ((0, 0, 0), True)


def test_an_older_state_and_a_record_that_came_back_are_noticed(lived):
    found, _ = lived("shows what was before")
    assert found.stale > 0
    assert found.resurrected > 0
    assert found.writes_lost == 0


def test_what_is_not_there_in_the_end_is_lost(lived):
    found, qdrant = lived("loses in the end")
    assert found.writes_lost == len(qdrant.points) > 0


def test_the_data_set_is_put_there_whole(monkeypatch):
    qdrant = Qdrant()
    monkeypatch.setattr(application, "_client", lambda url: qdrant)
    fill("http://there", "c")
    assert qdrant.made == ("c", dataset.DIM, "Cosine")
    assert sorted(qdrant.points) == list(range(application.RECORDS))
    assert qdrant.requests == 6
    records = dataset.load()
    kinds = {type(value) for payload in qdrant.points.values() for value in payload.values()}
    assert kinds <= {str, int, float, bool, list}
    assert all(qdrant.points[0][key] == records.payload[0][key] for key in qdrant.points[0])
