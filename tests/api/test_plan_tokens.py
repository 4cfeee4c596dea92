import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.api.plan_tokens import SECONDS, PlanTokens
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import GateRefused

ADA = Principal("key ada", Scope.ADMIN, "mcp")
BOB = Principal("key bob", Scope.ADMIN, "mcp")
GIVEN = {"migration_id": "docs", "no_way_back": False}


def test_a_token_is_good_once_for_what_was_shown():
    tokens = PlanTokens(FakeClock().monotonic)
    token = tokens.issue(ADA, "cutover", GIVEN, "verified")
    for wrong in (
        (token, BOB, "cutover", GIVEN, "verified"),
        (token, ADA, "revert", GIVEN, "verified"),
        (token, ADA, "cutover", {**GIVEN, "no_way_back": True}, "verified"),
        (token, ADA, "cutover", GIVEN, "reversed"),
        (token + "x", ADA, "cutover", GIVEN, "verified"),
        ("", ADA, "cutover", GIVEN, "verified"),
        ("9999.x.\xff", ADA, "cutover", GIVEN, "verified"),
    ):
        with pytest.raises(GateRefused, match="something else"):
            tokens.redeem(*wrong)
    tokens.redeem(token, ADA, "cutover", dict(reversed(GIVEN.items())), "verified")
    with pytest.raises(GateRefused, match="was used"):
        tokens.redeem(token, ADA, "cutover", GIVEN, "verified")


def test_a_token_is_good_for_a_while_and_in_its_process():
    clock = FakeClock()
    tokens = PlanTokens(clock.monotonic)
    token = tokens.issue(ADA, "commit", GIVEN, "")
    with pytest.raises(GateRefused, match="something else"):
        PlanTokens(clock.monotonic).redeem(token, ADA, "commit", GIVEN, "")
    until, _, rest = token.partition(".")
    with pytest.raises(GateRefused, match="something else"):
        tokens.redeem(f"{int(until) + 1000}.{rest}", ADA, "commit", GIVEN, "")
    clock.advance(SECONDS + 1)
    with pytest.raises(GateRefused, match="expired"):
        tokens.redeem(token, ADA, "commit", GIVEN, "")
