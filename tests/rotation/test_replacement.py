"""The replacement procedure against a secret whose versions and honoured values are plain sets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rotation.paper import Secret, Shop
from wickie.errors import ConfigError, DependentError, ProviderUnavailableError
from wickie.model import DependentState, RotationState, Verdict, to_jsonable
from wickie.rotation.asking import Patience
from wickie.rotation.replacement import ReplacementRequest, replace

BRIEF = Patience(0.05, first=0.001)


def carry_out(secret: Secret, /, **request: Any) -> Any:
    return replace(
        ReplacementRequest(
            **{"secret": "shop/db", "patience": BRIEF, "patience_with_providers": BRIEF} | request
        ),
        secret,
    )


def test_a_requested_rotation_puts_a_new_value_in_use_and_leaves_the_old_one_its_grace() -> None:
    secret = Secret()
    outcome = carry_out(secret)
    assert outcome.state is RotationState.ROTATED
    assert (outcome.from_version, outcome.to_version) == ("v1", secret.rotations[0])
    assert (outcome.old_credential, outcome.new_credential) == (Verdict.LIVE, Verdict.LIVE)
    assert outcome.strategy == "alternating-users"
    assert ("retire", "v1") not in secret.asked


def test_a_leaked_value_is_dead_in_the_end_and_only_after_its_users_have_the_new_one() -> None:
    secret = Secret()
    shop = Shop(secret)
    outcome = carry_out(secret, reason="leak", leaked_version="v1", dependents=(shop,))
    assert outcome.state is RotationState.ROTATED
    assert outcome.old_credential is Verdict.DEAD
    assert shop.seen == [(outcome.to_version, True)], "refreshed once, while the old still worked"
    steps = [entry.step for entry in outcome.timeline]
    assert steps == [
        "asked",
        "preflight",
        "start",
        "wait",
        "verify new",
        "refresh dependents",
        "retire old",
        "prove old dead",
    ]
    moments = [entry.at for entry in outcome.timeline]
    assert moments == sorted(moments)


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


def test_the_key_before_a_leaked_one_makes_room_though_it_is_used_and_the_report_says_so() -> None:
    secret = Secret(strategy="dual-key")
    outcome = carry_out(secret, reason="leak", leaked_version="v1")
    assert outcome.state is RotationState.ROTATED
    asked = [(action, version) for action, version in secret.asked if action != "verify"]
    assert asked == [("settle", ""), ("retire", "v0"), ("retire", "v1")]
    details = {entry.step: entry.detail for entry in outcome.timeline}
    assert details["settle previous"] == "as scripted", "who used it"
    assert details["retire previous"] == "DEAD"


@pytest.mark.parametrize(
    ("strategy", "reason", "settled"),
    [
        ("dual-key", "requested", "KEPT"),
        ("alternating-users", "leak", "KEPT"),
        ("dual-key", "leak", "RETIRED"),
    ],
)
def test_it_is_left_alone_where_nothing_leaked_or_room_there_is(
    strategy: str, reason: str, settled: str
) -> None:
    secret = Secret(strategy=strategy)
    secret.states["settle"] = settled
    carry_out(secret, reason=reason)
    assert ("retire", "v0") not in secret.asked


def test_a_leaked_previous_version_is_retired_without_another_rotation() -> None:
    secret = Secret()
    shop = Shop(secret)
    outcome = carry_out(secret, reason="leak", leaked_version="v0", dependents=(shop,))
    assert outcome.state is RotationState.ROTATED
    assert (outcome.from_version, outcome.to_version) == ("v0", "v1")
    assert outcome.old_credential is Verdict.DEAD
    assert secret.rotations == []
    assert [version for version, _ in shop.seen] == ["v1"]


def test_a_leaked_previous_version_is_left_alone_while_a_dependent_is_unhealthy() -> None:
    secret = Secret()
    outcome = carry_out(
        secret, reason="leak", leaked_version="v0", dependents=(Shop(secret, well=False),)
    )
    assert outcome.state is RotationState.FAILED
    assert not {"retire", "restore"} & {action for action, _ in secret.asked}


def test_a_leaked_pending_version_ends_dead_and_never_stays_in_use() -> None:
    secret = Secret(labels={"v1": ["AWSCURRENT"], "v2": ["AWSPENDING"]}, under_way="v2", stuck=True)

    def let_go(name: str, action: Any) -> Any:
        secret.stuck = name == "preflight"
        return action()

    outcome = replace(ReplacementRequest("shop/db", "leak", "v2", patience=BRIEF), secret, let_go)
    assert outcome.state is RotationState.ROTATED
    assert outcome.from_version == "v2"
    assert outcome.to_version == secret.rotations[0]
    assert outcome.old_credential is Verdict.DEAD


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


def test_a_dependent_that_is_ill_before_stops_a_request_but_not_a_leak_response() -> None:
    ill = DependentError("RDS proxy shop does not list the secret")
    secret = Secret()
    shop = Shop(secret, amiss=ill)
    outcome = carry_out(secret, dependents=(shop,))
    assert (outcome.state, outcome.error) == (RotationState.FAILED, str(ill))
    assert secret.rotations == []
    outcome = carry_out(secret, reason="leak", dependents=(shop,))
    assert outcome.state is RotationState.ROTATED
    assert outcome.old_credential is Verdict.DEAD
    assert [d.detail for d in outcome.dependents] == [str(ill)]


def test_a_dependent_that_could_not_be_asked_before_is_refreshed_after_a_leak() -> None:
    secret = Secret()
    shop = Shop(secret, amiss=ProviderUnavailableError("throttled"))
    outcome = carry_out(secret, reason="leak", dependents=(shop,))
    assert outcome.state is RotationState.ROTATED
    assert shop.seen


def test_a_dependent_that_does_not_exist_stops_a_request_but_not_a_leak_response() -> None:
    secret = Secret()
    gone = Shop(secret, name="ECS service main/gone", exists=False)
    outcome = carry_out(secret, dependents=(gone,))
    assert outcome.state is RotationState.FAILED
    assert secret.rotations == []
    outcome = carry_out(secret, reason="leak", leaked_version="v1", dependents=(gone, Shop(secret)))
    assert outcome.state is RotationState.ROTATED
    assert outcome.old_credential is Verdict.DEAD
    states = {d.name: d.state for d in outcome.dependents}
    assert states["ECS service main/gone"] is DependentState.UNHEALTHY


def test_a_rotation_that_never_ends_is_given_up_with_the_place_to_look() -> None:
    outcome = carry_out(Secret(stuck=True))
    assert outcome.state is RotationState.FAILED
    assert "did not end within" in outcome.error
    assert "log group of rotate-shop" in outcome.error


def test_an_abandoned_rotation_is_noticed_long_before_patience_runs_out() -> None:
    outcome = carry_out(Secret(abandons=True), patience=Patience(60, first=0.001))
    assert outcome.state is RotationState.FAILED
    assert "was abandoned" in outcome.error
    assert outcome.seconds < 5


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
