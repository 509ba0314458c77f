"""Rotation by Secrets Manager, as AWS documents it and plain moto does not do it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import pytest

from local import rotation
from tests.local.rotating import DAY, PRINCIPAL, ROTATOR, Secret, refusal

if TYPE_CHECKING:
    from tests.local.conftest import Account

pytestmark = pytest.mark.slow


def test_a_rotation_replaces_the_value_and_leaves_no_pending_label(secret: Secret) -> None:
    token = secret.configure()
    secret.hears("RotationStarted", "RotationSucceeded")
    assert secret.stages() == {token: ["AWSCURRENT"], secret.first_version: ["AWSPREVIOUS"]}
    assert secret.value() != secret.first_value
    assert secret.value(VersionStage="AWSPREVIOUS") == secret.first_value


def test_rotating_again_needs_no_more_than_the_secrets_name(secret: Secret) -> None:
    first = secret.configure()
    secret.hears("RotationStarted", "RotationSucceeded")
    second = secret.rotate()
    secret.hears("RotationStarted", "RotationSucceeded")
    assert secret.stages() == {second: ["AWSCURRENT"], first: ["AWSPREVIOUS"]}
    described = secret.describe()
    assert described["RotationLambdaARN"] == secret.function
    assert described["RotationRules"]["ScheduleExpression"] == "rate(10 days)"


def test_each_step_is_told_the_arn_the_token_and_a_rotation_token(secret: Secret) -> None:
    token = secret.configure()
    secret.hears("RotationStarted", "RotationSucceeded")
    told = secret.invocations()
    assert [event["Step"] for event in told] == list(rotation.STEPS)
    assert {(event["SecretId"], event["ClientRequestToken"]) for event in told} == {
        (secret.arn, token)
    }
    assert all(event["RotationToken"] for event in told)


def test_the_call_returns_while_the_pending_version_is_still_empty(secret: Secret) -> None:
    secret.tell("createSecret", "wait")
    token = secret.configure()
    assert secret.stages()[token] == ["AWSPENDING"]
    code, _ = refusal(secret.value, VersionStage="AWSPENDING")
    assert code == "ResourceNotFoundException"
    listed = secret.manager.list_secret_version_ids(SecretId=secret.arn)
    assert listed["ARN"] == secret.arn
    assert [version["VersionId"] for version in listed["Versions"]] == [secret.first_version]
    secret.release("createSecret")
    secret.hears("RotationStarted", "RotationSucceeded")


def test_a_failing_step_stops_the_rotation_and_the_whole_is_tried_three_times(
    secret: Secret,
) -> None:
    secret.tell("setSecret", "fail")
    token = secret.configure()
    secret.hears("RotationStarted", *["RotationFailed"] * 3)
    assert [e["Step"] for e in secret.invocations()] == ["createSecret", "setSecret"] * 3
    assert {e["ClientRequestToken"] for e in secret.invocations()} == {token}
    assert secret.stages() == {secret.first_version: ["AWSCURRENT"], token: ["AWSPENDING"]}
    assert secret.value() == secret.first_value


def test_a_rotation_that_fails_once_succeeds_with_the_same_token(secret: Secret) -> None:
    secret.tell("setSecret", "fail once")
    token = secret.configure()
    secret.hears("RotationStarted", "RotationFailed", "RotationSucceeded")
    assert secret.stages()[token] == ["AWSCURRENT"]


def test_a_stuck_rotation_refuses_the_next(secret: Secret) -> None:
    secret.tell("setSecret", "fail")
    secret.configure()
    secret.hears("RotationStarted", *["RotationFailed"] * 3)
    assert refusal(secret.rotate) == (
        "InvalidRequestException",
        "A previous rotation isn't complete. That rotation will be reattempted.",
    )


def test_a_stuck_rotation_is_tried_again_when_the_schedule_comes_round(secret: Secret) -> None:
    secret.tell("setSecret", "fail")
    token = secret.configure()
    secret.hears("RotationStarted", *["RotationFailed"] * 3)
    promised = secret.describe()["NextRotationDate"]
    secret.release("setSecret")
    secret.account.clock.advance(11 * DAY)
    secret.hears("RotationStarted", "RotationSucceeded")
    assert secret.stages()[token] == ["AWSCURRENT"]
    assert secret.describe()["NextRotationDate"] > promised


def test_steps_that_end_without_promoting_are_a_failure(account: Account, secret: Secret) -> None:
    idle = account.function("def handler(event, context): pass")
    account.permit(idle, PRINCIPAL)
    token = secret.configure(RotationLambdaARN=idle)
    secret.hears("RotationStarted", *["RotationFailed"] * 3)
    assert secret.stages()[token] == ["AWSPENDING"]


def test_events_have_the_shape_of_cloudtrails_service_events(secret: Secret) -> None:
    secret.tell("testSecret", "fail")
    secret.configure()
    started, failed = secret.event(), secret.event()
    assert started["source"] == "aws.secretsmanager"
    assert started["detail-type"] == "AWS Service Event via CloudTrail"
    assert started["detail"]["eventType"] == "AwsServiceEvent"
    assert started["detail"]["eventSource"] == PRINCIPAL
    assert failed["detail"]["errorMessage"] == (
        f"Error when executing lambda {secret.function} during testSecret step"
    )


def test_a_rotation_comes_due_by_the_clock_and_not_before(secret: Secret) -> None:
    token = secret.configure()
    secret.hears("RotationStarted", "RotationSucceeded")
    due = secret.describe()["NextRotationDate"]
    days = (due.timestamp() - secret.account.clock.now()) / DAY
    assert 9 < days < 10.2
    assert (due.hour, due.minute) == (2, 59)  # a window of three hours from midnight UTC
    secret.account.clock.advance(due.timestamp() - secret.account.clock.now() - 3 * 3600 - 60)
    assert secret.stages()[token] == ["AWSCURRENT"]
    secret.account.clock.advance(90)
    secret.hears("RotationStarted", "RotationSucceeded")
    assert secret.stages()[token] == ["AWSPREVIOUS"]
    described = secret.describe()
    assert described["NextRotationDate"] > due
    assert abs(described["LastRotatedDate"].timestamp() - secret.account.clock.now()) < 60


@pytest.mark.parametrize(
    "rules",
    [
        {"ScheduleExpression": "rate(1 minute)"},
        {"ScheduleExpression": "rate(3 hours)"},
        {"ScheduleExpression": "cron(30 3 ? * SUN *)"},
        {"ScheduleExpression": "cron(0 0/2 * * ? *)"},
        {"ScheduleExpression": "cron(0 3 1 * ? 2027)"},
        {"ScheduleExpression": "every other day"},
        {"ScheduleExpression": "rate(4 hours)", "Duration": "5h"},
        {"ScheduleExpression": "cron(0 22 * * ? *)", "Duration": "3h"},
        {"ScheduleExpression": "rate(10 days)", "Duration": "99h"},
        {"ScheduleExpression": "rate(10 days)", "AutomaticallyAfterDays": 10},
        {"AutomaticallyAfterDays": 1001},
    ],
)
def test_a_schedule_that_cannot_be_kept_is_refused_and_changes_nothing(
    secret: Secret, rules: dict[str, Any]
) -> None:
    code, _ = refusal(secret.configure, RotationRules=rules)
    assert code in ("InvalidParameterException", "ParamValidation")
    assert "RotationEnabled" not in secret.describe()
    assert secret.stages() == {secret.first_version: ["AWSCURRENT"]}


def test_a_function_that_does_not_exist_is_refused_and_changes_nothing(secret: Secret) -> None:
    code, _ = refusal(secret.configure, RotationLambdaARN=secret.function + "x")
    assert code == "ResourceNotFoundException"
    assert "RotationEnabled" not in secret.describe()
    assert secret.stages() == {secret.first_version: ["AWSCURRENT"]}


def test_without_any_function_there_is_no_rotation(secret: Secret) -> None:
    code, message = refusal(secret.rotate)
    assert code == "InvalidRequestException"
    assert "No Lambda rotation function ARN" in message
    assert secret.value() == secret.first_value


@pytest.mark.parametrize("source_account", [None, "999999999999"])
def test_the_function_must_permit_secrets_manager(
    account: Account, secret: Secret, source_account: str | None
) -> None:
    stranger = account.function(ROTATOR)
    if source_account:
        account.permit(stranger, PRINCIPAL, source_account)
    code, message = refusal(secret.configure, RotationLambdaARN=stranger)
    assert code == "AccessDeniedException"
    assert "Secrets Manager cannot invoke the specified Lambda function" in message


def test_the_same_token_again_changes_nothing(secret: Secret) -> None:
    assert secret.configure(ClientRequestToken=secret.first_version) == secret.first_version
    assert secret.value() == secret.first_value
    assert secret.stages() == {secret.first_version: ["AWSCURRENT"]}


def test_without_rotating_at_once_only_the_test_step_runs_on_the_present_value(
    secret: Secret,
) -> None:
    secret.configure(RotateImmediately=False)
    secret.hears("TestRotationStarted", "TestRotationSucceeded")
    assert [event["Step"] for event in secret.invocations()] == ["testSecret"]
    assert "pending is current: True" in secret.account.log(secret.function)
    described = secret.describe()
    assert described["VersionIdsToStages"] == {secret.first_version: ["AWSCURRENT"]}
    assert described["RotationEnabled"]
    assert "LastRotatedDate" not in described


def test_a_failed_test_of_the_configuration_is_told(secret: Secret) -> None:
    secret.tell("testSecret", "fail")
    secret.configure(RotateImmediately=False)
    secret.hears("TestRotationStarted", "TestRotationFailed")
    assert secret.stages() == {secret.first_version: ["AWSCURRENT"]}


def test_a_value_put_by_hand_abandons_the_rotation(secret: Secret) -> None:
    secret.tell("setSecret", "wait")
    token = secret.configure()
    secret.hears("RotationStarted")
    by_hand = secrets.token_urlsafe()
    secret.manager.put_secret_value(SecretId=secret.arn, SecretString=by_hand)
    secret.hears("RotationAbandoned")
    secret.release("setSecret")
    assert token not in secret.stages()
    assert secret.value() == by_hand
    secret.rotate()
    secret.hears("RotationStarted", "RotationSucceeded")


def test_cancelling_ends_the_schedule_and_keeps_the_half_made_version(secret: Secret) -> None:
    secret.tell("setSecret", "fail")
    token = secret.configure()
    secret.hears("RotationStarted", *["RotationFailed"] * 3)
    secret.manager.cancel_rotate_secret(SecretId=secret.arn)
    described = secret.describe()
    assert described["RotationEnabled"] is False
    assert not {"NextRotationDate", "LastRotatedDate"} & described.keys()
    assert described["VersionIdsToStages"][token] == ["AWSPENDING"]


def test_a_deleted_secret_does_not_rotate_by_schedule(secret: Secret) -> None:
    secret.configure()
    secret.hears("RotationStarted", "RotationSucceeded")
    secret.manager.delete_secret(SecretId=secret.arn)
    code, _ = refusal(secret.rotate)
    assert code == "InvalidRequestException"
