"""What is said to a run before it has a conductor, and behind that."""

import pytest

from vectormigrate.daemon.run import Run


class Conducted:
    """A conductor that notes what it is told."""

    def __init__(self):
        self.told = []

    def stop(self):
        self.told.append("stop")

    def adjust(self, *, anew):
        self.told.append(f"adjust, {anew}")


@pytest.mark.parametrize("early", [True, False])
def test_a_stop_reaches_the_conductor_whenever_it_comes(early):
    run, conductor = Run(), Conducted()
    if early:
        run.stop()
    assert run.take(conductor) is conductor
    assert conductor.told == ["stop"] * early
    if not early:
        run.stop()
    assert (conductor.told, run.stopping) == (["stop"], True)


def test_what_is_set_reaches_who_has_begun_already():
    run, conductor = Run(), Conducted()
    run.adjust(anew=True)  # the conductor reads it when it is made
    run.take(conductor)
    assert conductor.told == []
    run.adjust(anew=False)
    assert conductor.told == ["adjust, False"]
