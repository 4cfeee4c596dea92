from vectormigrate.daemon.api_settings import API, KEYS, REMOTE, SCOPES
from vectormigrate.model.access import Scope


def test_the_words_are_those_of_the_model():
    assert list(SCOPES) == [str(scope) for scope in Scope]
    assert KEYS[0].default == "read"


def test_the_defaults_that_were_promised():
    defaults = {setting.name: setting.default for setting in API}
    assert (defaults["addr"], defaults["api-rate"], defaults["api-burst"]) == ("127.0.0.1:8080", 100.0, 20)
    assert [setting.name for setting in API if setting.secret] == ["api-key"]
    assert {setting.section for setting in (*API, *REMOTE)} == {"api"}
