"""What replacing a leaked value does beyond a replacement on request."""

from __future__ import annotations

from typing import Any

import pytest

from tests.rotation.paper import BRIEF, Secret, Shop, carry_out
from wickie.errors import DependentError, ProviderUnavailableError
from wickie.model import DependentState, RotationState, Verdict
from wickie.rotation.replacement import ReplacementRequest, replace


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
