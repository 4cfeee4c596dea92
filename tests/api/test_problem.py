import json

from vectormigrate.api import problem
from vectormigrate.model.errors import AuthenticationFailed, Throttled, UnknownMigration, VectormigrateError


def test_an_error_is_a_problem_with_everything_that_is_known():
    told = problem.document(UnknownMigration("there is none", hint="look"))
    assert told == {
        "type": "urn:vectormigrate:error:unknown_migration",
        "title": "Not Found",
        "status": 404,
        "detail": "there is none",
        "code": "unknown_migration",
        "retryable": False,
        "hint": "look",
    }


def test_an_answer_has_its_media_type_and_says_when_to_come_again():
    answer = problem.response(Throttled("slower", retry_after=2.4), www_authenticate="Bearer")
    assert answer.status_code == json.loads(answer.body)["status"] == 429
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "2"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_store_that_does_not_let_us_in_is_no_fault_of_who_asks():
    assert problem.status(AuthenticationFailed("wrong password", store="pgvector")) == 502
    assert problem.status(VectormigrateError("what is this")) == 500
