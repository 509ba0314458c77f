"""When a Lambda alias goes back, and that nobody's change in between is lost; AWS is moto's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.response.function import Function
from wickie.errors import NotFoundError, ResponseError
from wickie.response.action import OutcomeState, Plan
from wickie.response.lambda_rollback import LambdaRollback
from wickie.response.runner import carry_out
from wickie.vulnerabilities.build import build_of_code


@pytest.fixture
def function() -> Iterator[Function]:
    with mock_aws():
        yield Function()


def plan_of(action: LambdaRollback) -> Plan:
    plan = action.plan()
    assert plan
    return plan


def test_the_alias_goes_to_the_newest_earlier_version_with_other_code_and_back(
    function: Function,
) -> None:
    action = function.rollback(function.builds[2])
    plan = plan_of(action)
    assert plan.summary == "Lambda alias shop:live: from version 3 to 1"
    assert function.alias["FunctionVersion"] == "3"
    outcome = carry_out(action, plan)
    assert (outcome.state, function.alias["FunctionVersion"]) == (OutcomeState.DONE, "1")
    assert action.plan() is None, "what it went back to is not bad"
    action.undo(plan)
    action.undo(plan)
    assert function.alias["FunctionVersion"] == "3"


def test_what_is_not_bad_or_is_old_stays(function: Function) -> None:
    assert function.rollback(function.builds[0]).plan() is None
    assert function.rollback(function.builds[2], younger_than=timedelta()).plan() is None


def test_where_every_earlier_version_is_bad_too_a_person_is_told(function: Function) -> None:
    with pytest.raises(ResponseError, match="it is bad; no earlier version is without it"):
        function.rollback(*function.builds).plan()


def test_a_shift_of_traffic_is_ended_and_is_there_again_when_undone(function: Function) -> None:
    weights = {"AdditionalVersionWeights": {"2": 0.1}}
    function.lambda_.update_alias(FunctionName="shop", Name="live", RoutingConfig=weights)
    action = function.rollback(function.builds[2])
    plan = plan_of(action)
    action.execute(plan)
    assert not (function.alias["RoutingConfig"] or {}).get("AdditionalVersionWeights")
    action.undo(plan)
    assert function.alias["RoutingConfig"] == weights


def test_an_alias_that_was_moved_since_is_left_alone(function: Function) -> None:
    action = function.rollback(function.builds[2])
    plan = plan_of(action)
    function.lambda_.update_alias(FunctionName="shop", Name="live", FunctionVersion="2")
    outcome = carry_out(action, plan)
    assert (outcome.state, function.alias["FunctionVersion"]) == (OutcomeState.NOT_POSSIBLE, "2")
    assert "was changed since it was planned" in outcome.detail


def test_an_alias_that_is_moved_in_that_very_moment_is_left_alone(
    function: Function, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Moto takes any RevisionId: the refusal is AWS's, made here."""
    action = function.rollback(function.builds[2])
    plan, revision = plan_of(action), function.alias["RevisionId"]

    def refused(**call: Any) -> None:
        assert call["RevisionId"] == revision
        raise ClientError({"Error": {"Code": "PreconditionFailedException"}}, "UpdateAlias")

    monkeypatch.setattr(function.lambda_, "update_alias", refused)
    outcome = carry_out(action, plan)
    assert outcome.state is OutcomeState.NOT_POSSIBLE


def test_an_alias_that_does_not_exist_is_told_by_name(function: Function) -> None:
    with pytest.raises(NotFoundError, match="Lambda alias shop:dead does not exist"):
        LambdaRollback(function.lambda_, "shop", "dead").plan()


def test_an_alias_of_what_has_no_version_is_never_rolled_back(function: Function) -> None:
    function.lambda_.update_alias(FunctionName="shop", Name="live", FunctionVersion="$LATEST")
    assert function.rollback(*function.builds).plan() is None


def test_a_build_is_the_same_by_base64_and_by_an_images_digest() -> None:
    hexadecimal = "00ff" * 16
    assert build_of_code(hexadecimal) == f"sha256:{hexadecimal}"
    assert build_of_code("AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8A/wD/AP8=") == f"sha256:{hexadecimal}"
    assert build_of_code("no digest") is None


def test_an_alias_is_sent_to_no_version_that_is_none(function: Function) -> None:
    action = function.rollback(function.builds[2])
    plan = replace(plan_of(action), after={"version": "$LATEST", "weights": "{}"})
    assert carry_out(action, plan).state is OutcomeState.NOT_POSSIBLE
    assert function.alias["FunctionVersion"] == "3"
