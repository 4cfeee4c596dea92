import pytest

from vectormigrate.daemon import config
from vectormigrate.daemon.notice_settings import HOOKS
from vectormigrate.daemon.telemetry.notices import NAMES, hooks_of, webhooks_of
from vectormigrate.model.errors import ConfigInvalid, UsageError


def loaded(tmp_path, text, environ=None):
    (tmp_path / "v.toml").write_text(text)
    return config.load(tmp_path / "v.toml", environ or {})


def hooks(tmp_path, text):
    return hooks_of(config.merge(HOOKS, {}, {}, loaded(tmp_path, text)), {})


def test_no_folder_no_hooks(tmp_path):
    assert hooks(tmp_path, "") is None


def test_a_folder_is_looked_at_before_anything_is_served(tmp_path):
    folder = tmp_path / "hooks"
    folder.mkdir(mode=0o755)
    made = hooks(tmp_path, f'[serve]\nhooks = "{folder}"\nhook_timeout = 5.0\n')
    assert (made.folder, made.timeout) == (folder, 5.0)
    folder.chmod(0o777)
    with pytest.raises(ConfigInvalid, match="can be changed by others"):
        hooks(tmp_path, f'[serve]\nhooks = "{folder}"\n')


def test_receivers_have_their_secrets_from_where_they_are(tmp_path):
    text = '[webhooks.ops]\nurl = "env:URL"\nsecret = "env:SECRET"\nevents = ["gap_opened"]\n'
    environ = {"URL": "https://ops.example/in", "SECRET": "hidden"}
    (one,) = webhooks_of(loaded(tmp_path, text, environ), environ)
    assert (one.name, one.url, one.secret) == ("ops", "https://ops.example/in", "hidden")
    assert one.events == {"gap_opened"}


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ('url = "ftp://x"', UsageError, "needs a url"),
        ("", UsageError, "needs a url"),
        ('url = "https://x"\nevents = ["gap_open"]', UsageError, "'gap_open', which nothing is called"),
        ('url = "https://x"\nsecret = "env:NONE"', ConfigInvalid, "NONE"),
        ('url = "https://x"\nsecrets = "x"', ConfigInvalid, "is not known"),
    ],
)
def test_what_cannot_be_meant_is_told(tmp_path, text, error, says):
    with pytest.raises(error, match=says):
        webhooks_of(loaded(tmp_path, f"[webhooks.ops]\n{text}\n"), {})


def test_every_name_is_of_one_kind():
    assert len(set(NAMES)) == len(NAMES)
    assert {"startup", "gap_opened", "before_cutover", "after_revert", "dead_lettered"} <= set(NAMES)
    assert "progress" not in NAMES
