import stat

import pytest

from vectormigrate.daemon.notary import Notary, check
from vectormigrate.model.errors import SignatureWrong, StateError

DOCUMENT = {"verdict": "Equal: ü", "counts": {"missing": 0, "rate": 0.1}, "worst": [1e-300, None, True]}


@pytest.fixture
def notary(tmp_path):
    return Notary.beside(tmp_path / "state.db")


def test_what_is_signed_can_be_told_from_what_was_changed(notary):
    signed = notary.sign(DOCUMENT)
    assert {name: signed[name] for name in DOCUMENT} == DOCUMENT
    assert check(dict(reversed(signed.items()))).startswith("SHA256:")  # however it is written
    for changed in (
        {**signed, "verdict": "Equal"},
        {**signed, "more": 1},
        {name: value for name, value in signed.items() if name != "worst"},
        {**signed, "counts": {**DOCUMENT["counts"], "missing": 1}},
    ):
        with pytest.raises(SignatureWrong, match="changed after it was signed"):
            check(changed)


def test_the_key_stays_and_is_its_owners_alone(notary, tmp_path):
    again = Notary.beside(tmp_path / "state.db")
    assert check(again.sign(DOCUMENT)) == check(notary.sign(DOCUMENT))
    assert stat.S_IMODE((tmp_path / "state.db.signing-key").stat().st_mode) == 0o600


def test_another_key_is_another_signature(notary, tmp_path):
    signed = notary.sign(DOCUMENT)
    other = Notary.beside(tmp_path / "other.db").sign(DOCUMENT)
    assert check(signed, check(signed)) == check(signed)
    with pytest.raises(SignatureWrong, match="another key"):
        check(other, check(signed))


@pytest.mark.parametrize(
    "document",
    [
        DOCUMENT,
        [],
        None,
        {"signature": {}},
        {"signature": "x"},
        {"signature": {"public_key": "!", "value": ""}},
        {"signature": {"public_key": "AAAA", "value": "AAAA"}},
    ],
    ids=str,
)
def test_what_was_never_signed(document):
    with pytest.raises(SignatureWrong, match="no signature"):
        check(document)


def test_a_key_that_is_none_is_told(tmp_path):
    (tmp_path / "state.db.signing-key").write_text("no key")
    with pytest.raises(StateError, match=r"state.db.signing-key cannot be used"):
        Notary.beside(tmp_path / "state.db")
