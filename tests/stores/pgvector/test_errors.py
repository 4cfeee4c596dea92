"""SQLSTATE to our errors; the connection errors on a real server are in `test_connections.py`."""

import psycopg
import pytest

from vectormigrate.model import errors as model
from vectormigrate.stores.pgvector import errors


def failed(state: str, message: str = "Something is wrong") -> psycopg.Error:
    return psycopg.errors.lookup(state)(message)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("28P01", model.AuthenticationFailed),
        ("42501", model.PermissionDenied),
        ("42P01", model.CollectionMissing),
        ("3D000", model.CollectionMissing),
        ("42P07", model.CollectionExists),
        ("42703", model.ShapeMismatch),
        ("53100", model.StoreDown),
        ("53300", model.Throttled),
        ("57P01", model.StoreDown),
        ("57P03", model.StoreDown),
        ("57014", model.StoreDown),
        ("08006", model.StoreDown),
        ("40001", model.StoreDown),
        ("XX001", model.StoreBroken),
    ],
)
def test_each_state_has_its_meaning(state, expected):
    error = errors.translate(failed(state), collection="docs")
    assert type(error) is expected
    assert (error.store, error.collection) == ("pgvector", "docs")
    assert error.hint


def test_a_lost_connection_is_not_applied_before_the_commit_and_unresolved_during_it():
    lost = psycopg.OperationalError("server closed the connection unexpectedly")
    assert type(errors.translate(lost)) is model.StoreDown
    assert type(errors.translate_commit(lost)) is model.Unresolved
    # Ended while it waited for a standby: the transaction may be there.
    assert type(errors.translate_commit(failed("57P01"))) is model.Unresolved
    assert type(errors.translate_commit(failed("40001"))) is model.StoreDown
    assert not errors.translate_commit(failed("23505")).retryable


def test_only_refused_values_are_data_errors():
    assert all(errors.is_data_error(failed(state)) for state in ("22003", "22P02", "23502", "23514", "54000"))
    assert not any(errors.is_data_error(failed(state)) for state in ("42P01", "57014", "53100", "40001"))
    assert not errors.is_data_error(psycopg.OperationalError("gone"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('FATAL:  password authentication failed for user "bob"', model.AuthenticationFailed),
        ("fe_sendauth: no password supplied", model.AuthenticationFailed),
        ('FATAL:  no pg_hba.conf entry for host "10.0.0.1"', model.AuthenticationFailed),
        ('FATAL:  database "x" does not exist', model.CollectionMissing),
        ("FATAL:  sorry, too many clients already", model.Throttled),
        ("FATAL:  the database system is starting up", model.StoreDown),
        ("connection refused", model.Unreachable),
        ("could not translate host name", model.Unreachable),
        ("server does not support SSL, but SSL was required", model.Unreachable),
    ],
)
def test_a_connection_that_fails_says_where_and_never_the_password(text, expected):
    dsn = "postgresql://bob:s3cret@db.example:6432/x"
    error = errors.translate_connect(psycopg.OperationalError(f"{text} s3cret"), dsn)
    assert type(error) is expected
    assert "db.example:6432" in error.message
    assert "s3cret" not in f"{error.as_dict()}"
