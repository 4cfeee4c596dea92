"""Formulas as the local mode of the vendor's client computes them, out of JSON and out of messages."""

from __future__ import annotations

import pytest
from qdrant_client import models
from qdrant_client.conversions.conversion import RestToGrpc
from qdrant_client.hybrid.formula import evaluate_expression, parse_defaults

from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.wire.formulas import Evaluator, Scored, read_expression
from vectormigrate.stores.qdrant.wire.meaning import Point

PAYLOAD = {
    "n": 3,
    "half": 2.5,
    "one": [7],
    "many": [1, 2],
    "text": "x",
    "seen": "2024-05-06T07:08:09Z",
    "place": {"lat": 52.5, "lon": 13.4},
    "flag": True,
}
SCORES = [0.5, None]
DEFAULTS = {"$score[1]": 4.0, "absent": 9, "where": {"lat": 1.0, "lon": 2.0}, "$score": 8.0}
LONDON = {"lat": 51.5, "lon": -0.1}
EXPRESSIONS = [
    2.5,
    "$score",
    "$score[0]",
    "$score[1]",
    "$score[7]",
    "n",
    "one",
    "absent",
    {"sum": ["$score", 1, {"mult": ["half", 2]}]},
    {"mult": [0, "nothing"]},
    {"max": ["n", "half"]},
    {"min": ["n", "half", 9]},
    {"neg": "n"},
    {"abs": {"neg": "n"}},
    {"div": {"left": "n", "right": 2}},
    {"div": {"left": 0, "right": 0}},
    {"div": {"left": "n", "right": 0, "by_zero_default": 6}},
    {"sqrt": "n"},
    {"pow": {"base": "n", "exponent": 2}},
    {"exp": "half"},
    {"log10": "n"},
    {"ln": "n"},
    {"acosh": "n"},
    {"mult": [{"key": "text", "match": {"value": "x"}}, 5]},
    {"sum": [{"key": "n", "range": {"gt": 5}}, {"has_id": [1]}]},
    {"geo_distance": {"origin": LONDON, "to": "place"}},
    {"geo_distance": {"origin": LONDON, "to": "where"}},
    {"datetime": "2024-01-01T00:00:00Z"},
    {"datetime_key": "seen"},
    {"lin_decay": {"x": "n", "target": 1, "scale": 8}},
    {"exp_decay": {"x": "n", "target": 5.5, "midpoint": 0.25}},
    {"gauss_decay": {"x": {"datetime_key": "seen"}, "target": {"datetime": "2024-05-06"}, "scale": 86400}},
]
WRONG = [
    "nothing",
    "many",
    "text",
    "flag",
    "$score[x]",
    {"div": {"left": 1, "right": 0}},
    {"sqrt": -1},
    {"ln": 0},
    {"exp": 1e9},
    {"pow": {"base": -1, "exponent": 0.5}},
    {"max": []},
    {"datetime": "monday"},
    {"datetime_key": "n"},
    {"geo_distance": {"origin": LONDON, "to": "n"}},
    {"lin_decay": {"x": 1, "scale": 0}},
    {"exp_decay": {"x": 1, "midpoint": 1}},
]


def mine(expression):
    return Evaluator(expression, DEFAULTS).score(Scored(Point(PAYLOAD, 1), SCORES))


def parsed(expression):
    return models.FormulaQuery.model_validate({"formula": expression}).formula


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_as_the_vendor_computes(expression):
    scores = [{} if score is None else {1: score} for score in SCORES]
    theirs = evaluate_expression(parsed(expression), 1, scores, PAYLOAD, {}, parse_defaults(DEFAULTS))
    assert mine(expression) == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize("expression", WRONG, ids=str)
def test_what_has_no_score_fails(expression):
    with pytest.raises(ValueError, match=r"\w"):
        mine(expression)


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
def test_a_message_says_the_same(expression):
    message = RestToGrpc.convert_expression(parsed(expression))
    read = read_expression(points_pb2.Expression.FromString(message.SerializeToString()))
    assert mine(read) == pytest.approx(mine(expression), rel=1e-6)


def test_a_message_without_an_expression_is_none():
    with pytest.raises(ValueError, match="missing"):
        read_expression(points_pb2.Expression())
