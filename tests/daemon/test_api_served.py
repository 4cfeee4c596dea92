import pytest

from vectormigrate.daemon import config
from vectormigrate.daemon.api_served import key_of, settle
from vectormigrate.daemon.api_settings import API
from vectormigrate.daemon.listeners import Address
from vectormigrate.model.errors import ConfigInvalid, UsageError


def settled(environ=None, **flags):
    named = {name.replace("_", "-"): value for name, value in flags.items()}
    environ = environ or {}
    return settle(config.merge(API, named, environ, config.Config()), environ)


def test_this_machine_alone_unless_something_else_is_said():
    api = settled()
    assert api.address(keyless=True) == api.address(keyless=False) == Address(host="127.0.0.1", port=8080)
    assert (api.asked_for, api.per_minute, api.burst, api.tls, api.warnings) == (False, 100.0, 20, None, ())
    assert settled(addr="off") is None


def test_every_address_once_there_is_a_key():
    api = settled(addr=":9000")
    assert api.address(keyless=True) == Address(host="127.0.0.1", port=9000)
    assert api.address(keyless=False) == Address(host="0.0.0.0", port=9000)
    assert api.asked_for


def test_nobody_is_let_near_before_there_is_a_key():
    api = settled(addr="10.0.0.1:9000")
    assert api.address(keyless=False).host == "10.0.0.1"
    with pytest.raises(UsageError, match="before there is a key"):
        api.address(keyless=True)
    assert settled(addr="unix:/run/api.sock").address(keyless=True).path == "/run/api.sock"
    for wrong in ("nonsense", ":many", "8080"):
        with pytest.raises(UsageError, match="--addr"):
            settled(addr=wrong)


def test_the_key_by_value_file_and_reference(tmp_path):
    file = tmp_path / "key"
    file.write_text("from a file\n")
    api = settled(api_key="open sesame")
    assert api.key == "open sesame"
    assert "process list" in api.warnings[0]
    assert "open sesame" not in repr(api)
    api = settled({"NAME": "from the environment"}, api_key="env:NAME")
    assert (api.key, api.warnings) == ("from the environment", ())
    assert settled({"VECTORMIGRATE_API_KEY": "x"}).warnings == ()
    assert (
        settled({"CREDENTIALS_DIRECTORY": str(tmp_path)}, api_key="file:${CREDENTIALS_DIRECTORY}/key").key
        == "from a file"
    )
    assert settled(api_key_file=str(file)).key == "from a file"
    file.write_text("")
    with pytest.raises(UsageError, match="holds no key"):
        settled(api_key_file=str(file))
    with pytest.raises(ConfigInvalid, match="the secret of the API cannot be had"):
        settled(api_key="env:NONE")
    assert key_of(config.merge(API, {}, {}, config.Config()), {}) == ""


def test_tls_is_whole_or_not_at_all():
    api = settled(api_tls_cert="a.pem", api_client_ca="ca.pem")
    assert (str(api.tls.certificate), str(api.tls.key), str(api.tls.client_ca)) == (
        "a.pem",
        "a.pem",
        "ca.pem",
    )
    with pytest.raises(UsageError, match="TLS of the API needs a certificate"):
        settled(api_client_ca="ca.pem")
