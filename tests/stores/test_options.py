"""Options that are times."""

import pytest

from vectormigrate.model.errors import ConfigInvalid
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.options import seconds


def test_seconds_are_above_zero_and_may_be_left_out():
    endpoint = Endpoint("anystore", options={"timeout": "1.5", "empty": ""})
    assert seconds(endpoint, "timeout", 7.0) == 1.5
    assert seconds(endpoint, "empty", 7.0) == seconds(endpoint, "other", 7.0) == 7.0


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan"])
def test_anything_else_names_store_and_option(text):
    with pytest.raises(ConfigInvalid, match="the anystore option 'timeout'"):
        seconds(Endpoint("anystore", options={"timeout": text}), "timeout", 7.0)
