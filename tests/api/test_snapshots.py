"""The rows of `export` and `import`: one side each, the other is the folder."""

from vectormigrate.api.commands import BY_NAME


def test_the_folder_stands_for_a_side():
    out = {setting.name for setting in BY_NAME["export"].settings}
    into = {setting.name for setting in BY_NAME["import"].settings}
    assert {"source-type", "source-url", "source-index", "target-index", "dry-run", "url"} <= out
    assert {"target-type", "target-url", "target-index", "source-index", "dry-run", "url"} <= into
    assert not {"target-type", "target-url", "target", "mode"} & out
    assert not {"source-type", "source-url", "source", "mode"} & into
