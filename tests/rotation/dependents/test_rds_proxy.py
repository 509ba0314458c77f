"""A proxy is well when it lists the secret and reaches its databases; it is never changed."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.stub import Stubber

from tests.patience import BRIEF
from tests.rotation.dependents.conftest import Script
from tests.rotation.paper import ARN, Secret
from wickie.asking import Patience
from wickie.errors import DependentError, NotFoundError
from wickie.model import DependentState
from wickie.rotation.dependents import Declared
from wickie.rotation.dependents.rds_proxy import RdsProxy

OTHER = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/db-clone-GhIjKl"


@pytest.fixture
def rds(script: Script) -> Stubber:
    return script("rds")


def proxy(secret: Secret, other_user: str | None = None) -> RdsProxy:
    return RdsProxy(Declared("shop/db", {}, secret), "shop", other_user, BRIEF)  # type: ignore[arg-type]


def described(rds: Stubber, *secrets: str, status: str = "available") -> None:
    auth = [{"AuthScheme": "SECRETS", "SecretArn": arn} for arn in secrets]
    reply: dict[str, Any] = {"DBProxies": [{"DBProxyName": "shop", "Status": status, "Auth": auth}]}
    rds.add_response("describe_db_proxies", reply, {"DBProxyName": "shop"})


def targets(rds: Stubber, *states: str, **health: str) -> None:
    found = [
        {
            "RdsResourceId": f"db-{index}",
            "Type": "RDS_INSTANCE",
            "TargetHealth": {"State": state, **health},
        }
        for index, state in enumerate(states)
    ]
    cluster = {"TrackedClusterId": "shop", "Type": "TRACKED_CLUSTER"}
    reply = {"Targets": [cluster, *found]}
    rds.add_response("describe_db_proxy_targets", reply, {"DBProxyName": "shop"})


def test_a_proxy_that_lists_the_secret_is_well_once_every_target_is_available(
    secret: Secret, rds: Stubber
) -> None:
    described(rds, OTHER, ARN)
    described(rds, ARN, status="modifying")
    described(rds, ARN)
    targets(rds, "AVAILABLE", "REGISTERING")
    described(rds, ARN)
    targets(rds, "AVAILABLE", "AVAILABLE")
    outcome = proxy(secret).refresh("v2")
    assert outcome.state is DependentState.REFRESHED
    assert outcome.name == "RDS proxy shop"


def test_a_target_that_stays_unavailable_is_told_with_the_reason(
    secret: Secret, rds: Stubber
) -> None:
    described(rds, ARN)
    described(rds, ARN)
    targets(rds, "UNAVAILABLE", Reason="AUTH_FAILURE", Description="no such user")
    once = RdsProxy(Declared(ARN, {}, secret), "shop", None, Patience(0))  # type: ignore[arg-type]
    outcome = once.refresh("v2")
    assert outcome.state is DependentState.UNHEALTHY
    assert outcome.detail == "db-0 is UNAVAILABLE (AUTH_FAILURE no such user) after 0 s"


def test_a_proxy_with_no_target_is_not_well(secret: Secret, rds: Stubber) -> None:
    described(rds, ARN)
    described(rds, ARN)
    targets(rds)
    once = RdsProxy(Declared(ARN, {}, secret), "shop", None, Patience(0))  # type: ignore[arg-type]
    assert once.refresh("v2").detail == "it has no target after 0 s"


def test_a_proxy_that_does_not_list_the_secret_is_found_before_anything_is_rotated(
    secret: Secret, rds: Stubber
) -> None:
    described(rds, OTHER)
    with pytest.raises(DependentError, match=r"does not list secret arn:.*shop/db-AbCdEf"):
        proxy(secret).check()


@pytest.mark.parametrize("named", [OTHER, "shop/db-clone"])
def test_where_two_users_take_turns_the_proxy_must_list_both_their_secrets(
    secret: Secret, rds: Stubber, named: str
) -> None:
    described(rds, ARN)
    with pytest.raises(DependentError, match=f"does not list secret {named}"):
        proxy(secret, named).check()
    described(rds, ARN, OTHER)
    proxy(secret, named).check()


def test_a_proxy_that_does_not_exist_is_told_by_name(secret: Secret, rds: Stubber) -> None:
    rds.add_client_error("describe_db_proxies", "DBProxyNotFoundFault")
    with pytest.raises(NotFoundError, match="RDS proxy shop does not exist"):
        proxy(secret).check()
