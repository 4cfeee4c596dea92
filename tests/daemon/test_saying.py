"""What was said, for a run elsewhere."""

import pytest

from vectormigrate.daemon.config import Config, merge
from vectormigrate.daemon.saying import sealed, worded
from vectormigrate.daemon.settings import MIGRATE, SIDES
from vectormigrate.daemon.specify import specify
from vectormigrate.model.errors import ConfigInvalid

SETTINGS = (*SIDES, *MIGRATE)


def given(**flags):
    return {name.replace("_", "-"): value for name, value in flags.items()}


def test_a_mapping_file_is_told_by_its_text(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text("surrogates = true")
    merged = merge(SETTINGS, given(mapping=str(path), drop=["a"]), {}, Config())
    assert worded(SETTINGS, merged) == {"mapping": "surrogates = true\n", "drop": ["a"]}
    again = merge(SETTINGS, given(mapping=worded(SETTINGS, merged)["mapping"]), {}, Config())
    assert worded(SETTINGS, again)["mapping"] == "surrogates = true\n"
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        worded(SETTINGS, merge(SETTINGS, given(mapping="nowhere.toml"), {}, Config()))


def test_secrets_by_value_are_left_out():
    flags = given(
        source_type="qdrant", source_url="http://me:hunter2@q:6333", source_index="a", source_api_key="hunter2",
        target_type="memory", target_url="", target_index="b", target_api_key="env:KEY",
    )  # fmt: skip
    merged = merge(SETTINGS, flags, {}, Config())
    told = sealed(worded(SETTINGS, merged), specify("docs", merged))
    assert told == {
        "source_type": "qdrant", "source_url": "http://me@q:6333", "source_index": "a",
        "target_type": "memory", "target_index": "b", "target_api_key": "env:KEY",
    }  # fmt: skip
