"""Roles may do what the code declares, where it declares it, and nothing more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wickie import deployment, fingerprints
from wickie.report import store
from wickie.response import throttle
from wickie.rotation import refresh, replacement, versions
from wickie.rotation.dependents.ecs_service import EcsService
from wickie.rotation.dependents.lambda_function import LambdaFunction
from wickie.scan import ledger, sources

if TYPE_CHECKING:
    from tests.stacks.conftest import Assembly

pytestmark = pytest.mark.slow

LOGGING = {"logs:CreateLogStream", "logs:PutLogEvents"}


def _actions(statements: list[dict[str, Any]]) -> set[str]:
    actions = (s["Action"] for s in statements)
    return {a for found in actions for a in ([found] if isinstance(found, str) else found)}


@pytest.mark.parametrize("role", ["postgresalternatingusers", "postgressingleuser"])
def test_a_rotation_function_may_do_what_its_modules_declare(assembly: Assembly, role: str) -> None:
    allowed = _actions(assembly.statements("WickieRotation-dev", role))
    assert allowed == {*versions.PERMISSIONS, *fingerprints.PUBLISH_PERMISSIONS, *LOGGING}


def test_the_refresh_function_may_do_what_its_modules_declare(assembly: Assembly) -> None:
    allowed = _actions(assembly.statements("WickieRotation-dev", "RefreshRole"))
    dependents = (*EcsService.PERMISSIONS, *LambdaFunction.PERMISSIONS)
    assert allowed == {*refresh.PERMISSIONS, *dependents, *LOGGING}


def test_flows_may_do_what_their_modules_declare(assembly: Assembly) -> None:
    allowed = _actions(assembly.statements("WickieWorkPool-dev", "FlowTaskRole"))
    assert allowed == {
        *replacement.PERMISSIONS,
        *throttle.PERMISSIONS,
        *EcsService.PERMISSIONS,
        *LambdaFunction.PERMISSIONS,
        *ledger.PERMISSIONS,
        *(action for actions in sources.PERMISSIONS.values() for action in actions),
        *fingerprints.RECOGNISE_PERMISSIONS,
        *store.PERMISSIONS,
        *deployment.PERMISSIONS,
    }


def test_a_permission_nobody_gave_a_resource_to_stops_synthesis() -> None:
    from aws_cdk import App, Stack  # noqa: PLC0415
    from aws_cdk import aws_iam as iam  # noqa: PLC0415

    from stacks.constructs.grants import grant  # noqa: PLC0415

    role = iam.Role(
        Stack(App(), "Test"), "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
    )
    with pytest.raises(KeyError, match="sqs"):
        grant(role, ["sqs:SendMessage"], {"s3": ["arn:aws:s3:::bucket"]})


def test_the_permissions_of_every_kind_of_target_and_dependent_are_known() -> None:
    from stacks import permissions  # noqa: PLC0415  (starts Node)
    from wickie import config  # noqa: PLC0415

    def kinds(union: Any) -> set[str]:
        return {m.model_fields["kind"].annotation.__args__[0] for m in union.__args__[0].__args__}

    assert permissions.SOURCES.keys() == kinds(config.Target)
    assert permissions.DEPENDENTS.keys() == kinds(config.Dependent)
