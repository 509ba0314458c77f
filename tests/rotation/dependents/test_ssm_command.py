"""An SSM document is run once for each version, told no value, and its failures are named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from tests.patience import BRIEF
from tests.rotation.dependents.conftest import Script
from tests.rotation.paper import ARN, Secret
from wickie.asking import Patience
from wickie.errors import NotFoundError
from wickie.model import DependentState
from wickie.rotation.dependents import Declared
from wickie.rotation.dependents.ssm_command import SsmCommand

INSTANCES = ("i-0123456789abcdef0", "i-0fedcba9876543210")
ID = "11111111-2222-3333-4444-555555555555"
LISTED = {"Filters": [{"key": "DocumentName", "value": "Reload"}]}


def command(secret: Secret, **more: Any) -> SsmCommand:
    target = {} if "tags" in more else {"instances": INSTANCES}
    return SsmCommand(
        Declared("shop/db", {}, secret),  # type: ignore[arg-type]
        **{"document": "Reload", "patience": BRIEF, **target, **more},
    )


def sent(status: str, *, version: str = "v2", count: int = 2, **more: Any) -> dict[str, Any]:
    return {
        "CommandId": ID,
        "Comment": f"wickie {version}",
        "Status": status,
        "TargetCount": count,
        "InstanceIds": list(INSTANCES),
        "RequestedDateTime": datetime.now(UTC),
        **more,
    }


def sending(ssm: Stubber, **expected: Any) -> None:
    request = {
        "InstanceIds": list(INSTANCES),
        "DocumentName": "Reload",
        "Comment": "wickie v2",
        "Parameters": {"SecretId": [ARN], "VersionId": ["v2"]},
    } | expected
    request = {key: value for key, value in request.items() if value is not None}
    ssm.add_response("send_command", {"Command": sent("Pending")}, request)


def ended(ssm: Stubber, status: str, count: int = 2, **instances: str) -> None:
    reply = {"Commands": [sent(status, count=count)]}
    ssm.add_response("list_commands", reply, {"CommandId": ID})
    if status != "Success" or not count:
        ill = [
            {"InstanceId": name.replace("_", "-"), "Status": "Failed", "StatusDetails": detail}
            for name, detail in instances.items()
        ]
        well = {"InstanceId": INSTANCES[0], "Status": "Success", "StatusDetails": "Success"}
        found = {"CommandInvocations": [well, *ill]}
        ssm.add_response("list_command_invocations", found, {"CommandId": ID})


@pytest.fixture
def ssm(script: Script) -> Stubber:
    return script("ssm")


def test_the_document_is_told_the_secret_and_its_version_and_waited_for(
    secret: Secret, ssm: Stubber
) -> None:
    ssm.add_response("list_commands", {"Commands": []}, LISTED)
    sending(ssm)
    ssm.add_response("list_commands", {"Commands": []}, {"CommandId": ID})  # not yet listed
    ssm.add_response("list_commands", {"Commands": [sent("InProgress")]}, {"CommandId": ID})
    ended(ssm, "Success")
    outcome = command(secret).refresh("v2")
    assert outcome.state is DependentState.REFRESHED
    assert outcome.name == f"SSM document Reload on {', '.join(INSTANCES)}"


def test_instances_are_found_by_all_of_the_tags_and_told_further_parameters(
    secret: Secret, ssm: Stubber
) -> None:
    ssm.add_response("list_commands", {"Commands": []}, LISTED)
    sending(
        ssm,
        InstanceIds=None,
        Targets=[{"Key": "tag:app", "Values": ["shop"]}, {"Key": "tag:env", "Values": ["dev"]}],
        Parameters={"SecretId": [ARN], "VersionId": ["v2"], "Service": ["shop.service"]},
    )
    ended(ssm, "Success")
    tagged = command(
        secret, tags={"app": "shop", "env": "dev"}, parameters={"Service": "shop.service"}
    )
    assert tagged.refresh("v2").state is DependentState.REFRESHED


@pytest.mark.parametrize("status", ["Success", "InProgress"])
def test_it_is_not_sent_twice_for_one_version(secret: Secret, ssm: Stubber, status: str) -> None:
    others = [sent(status, version="v1"), sent(status, InstanceIds=["i-00000000"])]
    ssm.add_response("list_commands", {"Commands": [*others, sent(status)]}, LISTED)
    ended(ssm, "Success")
    assert command(secret).refresh("v2").state is DependentState.REFRESHED


def test_one_that_failed_is_sent_again(secret: Secret, ssm: Stubber) -> None:
    ssm.add_response("list_commands", {"Commands": [sent("Failed")]}, LISTED)
    sending(ssm)
    ended(ssm, "Success")
    assert command(secret).refresh("v2").state is DependentState.REFRESHED


def test_the_instances_that_fail_are_named(secret: Secret, ssm: Stubber) -> None:
    ssm.add_response("list_commands", {"Commands": []}, LISTED)
    sending(ssm)
    ended(ssm, "Failed", i_0fedcba9876543210="ExecutionTimedOut")
    outcome = command(secret).refresh("v2")
    assert outcome.state is DependentState.UNHEALTHY
    assert outcome.detail == f"command {ID} ended Failed: i-0fedcba9876543210 ExecutionTimedOut"


def test_one_that_does_not_end_is_not_waited_for_for_ever(secret: Secret, ssm: Stubber) -> None:
    ssm.add_response("list_commands", {"Commands": [sent("InProgress")]}, LISTED)
    ended(ssm, "InProgress", i_0fedcba9876543210="InProgress")
    outcome = command(secret, patience=Patience(0)).refresh("v2")
    assert outcome.state is DependentState.UNHEALTHY
    assert "did not end within 0 s: i-0fedcba9876543210" in outcome.detail


def test_that_no_instance_has_the_tags_is_no_success(secret: Secret, ssm: Stubber) -> None:
    ssm.add_response("list_commands", {"Commands": [sent("Success")]}, LISTED)
    ended(ssm, "Success", count=0)
    outcome = command(secret).refresh("v2")
    assert outcome.state is DependentState.UNHEALTHY
    assert "no instance is meant by it" in outcome.detail


def test_a_document_that_does_not_exist_is_told_by_name(secret: Secret, ssm: Stubber) -> None:
    ssm.add_client_error("describe_document", "InvalidDocument")
    with pytest.raises(NotFoundError, match=r"SSM document Reload on .* does not exist"):
        command(secret).check()


def test_moto_takes_the_command_as_ssm_does(secret: Secret) -> None:
    with mock_aws():
        secret.ssm = boto3.client("ssm", "us-east-1")  # type: ignore[attr-defined]
        parameters = {name: {"type": "String"} for name in ("SecretId", "VersionId")}
        document = {"schemaVersion": "2.2", "parameters": parameters, "mainSteps": []}
        secret.ssm.create_document(  # type: ignore[attr-defined]
            Name="Reload", DocumentType="Command", Content=json.dumps(document)
        )
        for order in (INSTANCES, INSTANCES[::-1]):
            command(secret).check()
            again = command(secret, instances=order)
            assert again.refresh("v2").state is DependentState.REFRESHED
        (only,) = secret.ssm.list_commands()["Commands"]  # type: ignore[attr-defined]
        assert only["Parameters"]["SecretId"] == [ARN]
