"""A throttle that nothing holds but its pace."""

from vectormigrate.engine.throttle import Throttle
from vectormigrate.model.specification import Specification, StoreRef


def unhindered(rate, clock):
    """For workers of whichever migration, so many records a second."""

    async def changed(reasons):
        raise AssertionError(reasons)

    def give_up(why):
        raise AssertionError(why)

    asked = Specification("any", StoreRef("memory", "", "a"), StoreRef("memory", "", "b"))
    throttle = Throttle({}, lambda: asked, clock, changed, give_up)
    throttle.pace.change(rate)
    return throttle
