"""A search in neutral terms, or in a vendor's own words."""

import numpy as np
import pytest

from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Native
from vectormigrate.model.query import Query


def test_words_are_for_the_vendor_who_has_them():
    Query(np.ones(2), "v").check_plain()
    with pytest.raises(Unsupported, match="only weaviate"):
        Query(np.zeros(0), "", words=Native("weaviate", b"word")).check_plain()
