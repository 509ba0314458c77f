"""The replacement procedure against a secret whose versions and honoured values are plain sets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rotation.paper import BRIEF, Secret, Shop, carry_out
from wickie.asking import Patience
from wickie.errors import ConfigError, ProviderUnavailableError
from wickie.model import RotationState, Verdict, to_jsonable
from wickie.rotation.replacement import ReplacementRequest, replace


def test_a_requested_rotation_puts_a_new_value_in_use_and_leaves_the_old_one_its_grace() -> None:
    secret = Secret()
    outcome = carry_out(secret)
    assert outcome.state is RotationState.ROTATED
    assert (outcome.from_version, outcome.to_version) == ("v1", secret.rotations[0])
    assert (outcome.old_credential, outcome.new_credential) == (Verdict.LIVE, Verdict.LIVE)
    assert outcome.strategy == "alternating-users"
    assert ("retire", "v1") not in secret.asked


def test_an_unhealthy_dependent_gets_the_old_value_back_and_the_outcome_says_so() -> None:
    secret = Secret()
    shop = Shop(secret, well=False)
    outcome = carry_out(secret, reason="leak", leaked_version="v1", dependents=(shop,))
    assert outcome.state is RotationState.ROLLED_BACK
    assert ("restore", "v1") in secret.asked
    assert ("retire", "v1") not in secret.asked
    assert [version for version, _ in shop.seen] == [outcome.to_version, "v1"]
    assert outcome.old_credential is Verdict.LIVE
    assert "ECS service main/shop UNHEALTHY" in outcome.error
    assert "the leaked value is in use" in outcome.error


def test_a_new_value_that_is_not_honoured_is_taken_back_before_anyone_gets_it() -> None:
    secret = Secret(under_way="v2", labels={"v1": ["AWSCURRENT"], "v2": ["AWSPENDING"]}, stuck=True)
    secret.answers[("verify", "v2")] = "DEAD"
    shop = Shop(secret)

    def let_go(name: str, action: Any) -> Any:
        secret.stuck = name != "wait"
        return action()

    request = ReplacementRequest("shop/db", dependents=(shop,), patience=BRIEF)
    outcome = replace(request, secret, let_go)
    assert outcome.state is RotationState.ROLLED_BACK
    assert [version for version, _ in shop.seen] == ["v1"]


def test_a_restore_that_fails_too_is_a_failure_naming_both_troubles() -> None:
    secret = Secret()
    secret.answers[("restore", "v1")] = ProviderUnavailableError("db.internal is unreachable")
    outcome = carry_out(secret, dependents=(Shop(secret, well=False),))
    assert outcome.state is RotationState.FAILED
    assert "UNHEALTHY" in outcome.error
    assert "db.internal is unreachable" in outcome.error


def test_a_rotation_under_way_is_joined_and_not_started_twice() -> None:
    secret = Secret(labels={"v1": ["AWSCURRENT"], "v2": ["AWSPENDING"]}, under_way="v2", stuck=True)

    def let_go(name: str, action: Any) -> Any:
        secret.stuck = name != "wait"
        return action()

    outcome = replace(ReplacementRequest("shop/db", "leak", "v1", patience=BRIEF), secret, let_go)
    assert outcome.state is RotationState.ROTATED
    assert outcome.to_version == "v2"
    assert secret.rotations == []


def test_a_joined_rotation_that_comes_to_nothing_is_followed_by_one_of_its_own() -> None:
    """As the test is that Secrets Manager makes when a schedule is set without rotating."""
    secret = Secret(labels={"v1": ["AWSCURRENT"], "test": ["AWSPENDING"]}, under_way="test")

    def drop_the_test(name: str, action: Any) -> Any:
        secret.stuck, secret.abandons = name != "wait", name == "wait" and not secret.rotations
        return action()

    request = ReplacementRequest("shop/db", "leak", "v1", patience=Patience(60, first=0.001))
    outcome = replace(request, secret, drop_the_test)
    assert (outcome.state, outcome.error) == (RotationState.ROTATED, None)
    assert [outcome.to_version] == secret.rotations
    assert "v1" not in secret.live


def test_a_retired_version_that_is_still_honoured_is_retired_again_and_disturbs_no_one() -> None:
    secret = Secret(live={"v1", "ancient"})
    shop = Shop(secret)
    outcome = carry_out(secret, reason="leak", leaked_version="ancient", dependents=(shop,))
    assert outcome.state is RotationState.ROTATED
    assert outcome.old_credential is Verdict.DEAD
    assert shop.seen == []


def test_unknown_is_not_dead() -> None:
    secret = Secret()
    secret.answers[("verify", "v0")] = "UNKNOWN"
    outcome = carry_out(secret, reason="leak", leaked_version="v0")
    assert outcome.state is RotationState.FAILED
    assert outcome.old_credential is Verdict.UNKNOWN
    assert "could not be proven dead" in outcome.error


def test_an_old_value_that_survives_its_retirement_is_a_failure() -> None:
    secret = Secret()
    secret.answers[("verify", "v0")] = "LIVE"
    outcome = carry_out(secret, reason="leak", leaked_version="v0")
    assert outcome.state is RotationState.FAILED
    assert "still honoured" in outcome.error


def test_the_old_value_on_request_being_unreachable_does_not_spoil_the_rotation() -> None:
    secret = Secret()

    def run(name: str, action: Any) -> Any:
        if name == "look at old":
            secret.answers[("verify", "v1")] = ProviderUnavailableError("timed out")
        return action()

    outcome = replace(ReplacementRequest("shop/db", patience=BRIEF), secret, run)
    assert outcome.state is RotationState.ROTATED
    assert outcome.old_credential is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("secret", "request_", "text"),
    [
        (Secret(), {"secret": "shop/nothing"}, "secret shop/nothing does not exist here"),
        (
            Secret(function=None),
            {},
            "shop/db is not under rotation; add it to wickie.yaml and run cdk deploy",
        ),
        (Secret(labels={}), {}, "no AWSCURRENT"),
        (Secret(live=set()), {}, "is not honoured (as scripted)"),
        (Secret(answers={("verify", "v1"): "UNKNOWN"}), {}, "cannot be verified (as scripted)"),
    ],
    ids=["unknown secret", "no function", "no value", "wrong value", "unreachable"],
)
def test_what_ails_a_secret_is_said_in_one_line_before_anything_changes(
    secret: Secret, request_: dict[str, Any], text: str
) -> None:
    outcome = carry_out(secret, **request_)
    assert outcome.state is RotationState.FAILED
    assert text in outcome.error
    assert "\n" not in outcome.error
    assert secret.rotations == []


def test_the_functions_own_error_is_passed_on_and_a_foreign_one_is_not() -> None:
    ours = Secret(answers={("verify", "v1"): ConfigError("secret shop/db lacks engine")})
    assert carry_out(ours).error == "secret shop/db lacks engine"
    foreign = Secret(answers={("verify", "v1"): KeyError("the value itself")})
    outcome = carry_out(foreign)
    assert "rotate-shop broke (KeyError)" in outcome.error
    assert "the value itself" not in json.dumps(to_jsonable(outcome))


def test_a_rotation_that_never_ends_is_given_up_with_the_place_to_look() -> None:
    outcome = carry_out(Secret(stuck=True))
    assert outcome.state is RotationState.FAILED
    assert "did not end within" in outcome.error
    assert "log group of rotate-shop" in outcome.error


def test_an_abandoned_rotation_is_noticed_long_before_patience_runs_out() -> None:
    outcome = carry_out(Secret(abandons=True), patience=Patience(60, first=0.001))
    assert outcome.state is RotationState.FAILED
    assert "was abandoned" in outcome.error
    assert outcome.seconds < 50


def test_every_step_goes_through_the_runner_and_repeating_them_starts_one_rotation() -> None:
    secret = Secret()
    names = []

    def twice(name: str, action: Any) -> Any:
        names.append(name)
        action()
        return action()

    outcome = replace(ReplacementRequest("shop/db", "leak", patience=BRIEF), secret, twice)
    assert outcome.state is RotationState.ROTATED
    assert names == [entry.step for entry in outcome.timeline][1:]
    assert len(secret.rotations) == 1
