"""ECS services and Lambda functions are started anew, and said to be well only when they are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ParamValidationError

from tests.patience import BRIEF
from wickie.asking import asking
from wickie.errors import ConfigError, DependentError, NotFoundError, ProviderUnavailableError
from wickie.model import DependentState
from wickie.rotation.dependents import Declared, Dependent
from wickie.rotation.dependents.ecs_service import EcsService
from wickie.rotation.dependents.lambda_function import LambdaFunction
from wickie.rotation.dependents.together import refresh_together


class Ecs:
    """ECS with one service, whose new deployment goes through `states`."""

    def __init__(self, *states: dict[str, Any]) -> None:
        self.states = list(states)
        self.started = False
        self.deployments = 0
        self.tags: list[dict[str, str]] = []

    def update_service(self, *, cluster: str, service: str, forceNewDeployment: bool) -> None:  # noqa: N803  (AWS's name)
        assert forceNewDeployment
        self.started = True
        self.deployments += 1
        assert (cluster, service) == ("main", "shop")

    def tag_resource(self, *, resourceArn: str, tags: list[dict[str, str]]) -> None:  # noqa: N803  (AWS's name)
        assert resourceArn == "arn:shop"
        keys = {tag["key"] for tag in tags}
        self.tags = [tag for tag in self.tags if tag["key"] not in keys] + tags

    def describe_services(self, *, cluster: str, services: list[str], include: list[str]) -> Any:
        assert include == ["TAGS"]
        if (cluster, services) != ("main", ["shop"]):
            return {"services": [], "failures": [{"reason": "MISSING"}]}
        old = {"id": "old", "status": "ACTIVE" if self.started else "PRIMARY"}
        new = {"id": "new", "status": "PRIMARY"}
        if self.started:
            new |= self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return {
            "services": [
                {
                    "status": "ACTIVE",
                    "serviceArn": "arn:shop",
                    "deployments": [new, old] if self.started else [old],
                    "tags": self.tags,
                }
            ]
        }


def in_progress(failed: int = 0) -> dict[str, Any]:
    return {"rolloutState": "IN_PROGRESS", "failedTasks": failed}


def refresh(*states: dict[str, Any]) -> Any:
    return EcsService(Ecs(*states), "main", "shop", "a1", BRIEF).refresh("v2")


def test_an_ecs_service_is_well_when_its_new_deployment_is_complete() -> None:
    outcome = refresh(in_progress(), in_progress(1), {"rolloutState": "COMPLETED"})
    assert outcome.state is DependentState.REFRESHED
    assert outcome.name == "ECS service main/shop"


@pytest.mark.parametrize(
    ("states", "why"),
    [
        ([in_progress(), {"rolloutState": "FAILED", "rolloutStateReason": "unhealthy"}], "unhea"),
        ([in_progress(1), in_progress(3)], "3 of its new tasks failed"),
        ([in_progress()], "not steady after"),
    ],
    ids=["circuit breaker", "tasks keep failing without one", "takes too long"],
)
def test_an_ecs_service_is_unhealthy_when_its_deployment_does_not_complete(
    states: list[dict[str, Any]], why: str
) -> None:
    outcome = refresh(*states)
    assert outcome.state is DependentState.UNHEALTHY
    assert why in outcome.detail


def test_a_service_is_not_started_twice_for_one_version() -> None:
    ecs = Ecs({"rolloutState": "COMPLETED"})
    service = EcsService(ecs, "main", "shop", "a1", BRIEF)
    for _ in range(2):
        assert service.refresh("v2").state is DependentState.REFRESHED
    assert ecs.deployments == 1
    service.refresh("v3")
    assert ecs.deployments == 2


def test_a_service_of_two_secrets_is_not_started_anew_for_the_one_that_stays() -> None:
    ecs = Ecs({"rolloutState": "COMPLETED"})
    one, other = (EcsService(ecs, "main", "shop", mark, BRIEF) for mark in ("a1", "b2"))
    one.refresh("v2")
    other.refresh("w2")
    one.refresh("v2")
    assert ecs.deployments == 2


def test_a_mark_is_the_secrets_whether_it_is_named_or_given_by_its_arn() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-AbCdEf"
    marks = {Declared(secret, {}, None).mark for secret in ("shop/db", arn)}  # type: ignore[arg-type]
    assert len(marks) == 1
    assert marks != {Declared("shop/db2", {}, None).mark}  # type: ignore[arg-type]


def test_what_is_declared_is_marked_for_its_own_secret() -> None:
    options = {"cluster": "main", "service": "shop", "function": "shop"}
    clients: Any = SimpleNamespace(ecs=None, lambda_=None)
    for kind in (EcsService, LambdaFunction):
        entries = [Declared(secret, options, clients) for secret in ("shop/db", "shop/api")]
        assert [kind.declared(entry).mark for entry in entries] == [e.mark for e in entries]


def test_what_several_secrets_share_is_started_anew_once_for_all_of_them() -> None:
    ecs, function = Ecs({"rolloutState": "COMPLETED"}), Lambda("Successful", "Successful")
    wanted: list[tuple[Dependent, str]] = []
    for mark in ("a1", "b2"):
        wanted += [
            (EcsService(ecs, "main", "shop", mark, BRIEF), f"{mark}-new"),
            (LambdaFunction(function, "shop", mark, BRIEF), f"{mark}-new"),
        ]
    outcomes = refresh_together(wanted)
    assert [outcome.name for outcome in outcomes] == [dependent.name for dependent, _ in wanted]
    assert {outcome.state for outcome in outcomes} == {DependentState.REFRESHED}
    assert ecs.deployments == 1
    assert {tag["value"] for tag in ecs.tags} == {"a1-new", "b2-new"}
    (update,) = function.updates
    assert update["Environment"]["Variables"].keys() == {
        "COLOUR",
        "WICKIE_SECRET_VERSION_a1",
        "WICKIE_SECRET_VERSION_b2",
    }


def test_a_service_that_does_not_exist_is_told_by_name_before_anything_is_done() -> None:
    with pytest.raises(NotFoundError, match=r"main/shoop does not exist; .* wickie.yaml"):
        EcsService(Ecs(), "main", "shoop", "a1").check()


class Lambda:
    """Lambda with one function, whose update goes through `states`."""

    def __init__(self, *states: str, environment: dict[str, Any] | None = None) -> None:
        self.states = list(states)
        self.environment = environment or {"Variables": {"COLOUR": "blue"}}
        self.updates: list[dict[str, Any]] = []

    def get_function_configuration(self, FunctionName: str) -> Any:  # noqa: N803  (AWS's name)
        if FunctionName != "shop":
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetFunction")
        state = self.states.pop(0) if self.updates else "Successful"
        return {"RevisionId": "r1", "LastUpdateStatus": state, "Environment": self.environment}

    def update_function_configuration(self, **update: Any) -> None:
        self.updates.append(update)


def test_a_lambda_function_gets_one_more_variable_and_keeps_the_others() -> None:
    function = Lambda("InProgress", "Successful")
    outcome = LambdaFunction(function, "shop", "a1", BRIEF).refresh("v2")
    assert outcome.state is DependentState.REFRESHED
    (update,) = function.updates
    assert update["Environment"]["Variables"] == {
        "COLOUR": "blue",
        "WICKIE_SECRET_VERSION_a1": "v2",
    }
    assert update["RevisionId"] == "r1", "no one's change in between is overwritten"


def test_a_lambda_function_that_has_the_version_is_left_alone() -> None:
    function = Lambda(environment={"Variables": {"WICKIE_SECRET_VERSION_a1": "v2"}})
    outcome = LambdaFunction(function, "shop", "a1", BRIEF).refresh("v2")
    assert outcome.state is DependentState.REFRESHED
    assert not function.updates


def test_a_lambda_function_whose_update_fails_is_unhealthy() -> None:
    outcome = LambdaFunction(Lambda("InProgress", "Failed"), "shop", "a1", BRIEF).refresh("v2")
    assert outcome.state is DependentState.UNHEALTHY


def test_a_lambda_function_whose_variables_cannot_be_read_is_not_stripped_of_them() -> None:
    function = Lambda(environment={"Error": {"ErrorCode": "AccessDeniedException"}})
    with pytest.raises(DependentError, match="allow kms:Decrypt"):
        LambdaFunction(function, "shop", "a1", BRIEF).refresh("v2")
    assert not function.updates


def test_a_lambda_function_that_does_not_exist_is_told_by_name() -> None:
    with pytest.raises(NotFoundError, match="Lambda function shoop"):
        LambdaFunction(Lambda(), "shoop", "a1").check()


@pytest.mark.parametrize(
    ("code", "status", "kind", "retryable"),
    [
        ("ThrottlingException", 400, ProviderUnavailableError, True),
        ("InternalFailure", 500, ProviderUnavailableError, True),
        ("AccessDeniedException", 400, ConfigError, False),
    ],
)
def test_aws_refusals_say_whether_asking_again_helps(
    code: str, status: int, kind: type[Exception], *, retryable: bool
) -> None:
    response = {
        "Error": {"Code": code, "Message": "two\nlines"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    with pytest.raises(kind, match=r"^[^\n]*$") as caught, asking("shop/db"):
        raise ClientError(response, "UpdateService")
    assert caught.value.retryable is retryable


def test_a_parameter_of_a_malformed_call_is_never_quoted() -> None:
    with pytest.raises(ProviderUnavailableError) as caught, asking("shop/db"):
        raise ParamValidationError(report="the value itself")
    assert "the value itself" not in str(caught.value)
    assert caught.value.__cause__ is None
