"""What sets single kinds of places apart: what is never read, what is read again, how it pages."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.scan.answers import appsync_api
from tests.scan.paper import drawn, managed, read
from tests.scan.plants import Setting
from tests.scan.recorded import Recorded
from wickie.scan import engine
from wickie.scan.chunk import Chunk
from wickie.scan.sources import open_source

_THEN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _aws():
    with mock_aws():
        yield


def texts(kind: str, aws: Recorded | None = None) -> dict[str, bytes]:
    """All that is read of a kind, by its part."""
    source = open_source(kind, {}, (aws or Recorded()).clients)
    parts = (part for part in read(source) if isinstance(part, Chunk))
    return {part.part: part.data for part in parts if part.data}


def versions(kind: str, aws: Recorded | None = None) -> dict[str, str]:
    source = open_source(kind, {}, (aws or Recorded()).clients)
    return {each.uri: each.version for each in source.artifacts()}


def test_a_secure_string_is_never_asked_for():
    ssm, value = boto3.client("ssm"), drawn()
    ssm.put_parameter(Name="/shop/db", Type="SecureString", Value=value)
    ssm.put_parameter(Name="/shop/level", Type="String", Value="info", Description="how loud")
    asked: list[Any] = []
    aws = Recorded()
    aws.replies["GetParameters"] = lambda **said: asked.append(said) or {"Parameters": []}
    texts("ssm-parameter", aws)
    assert asked == [{"Names": ["/shop/level"], "WithDecryption": False}]
    assert texts("ssm-parameter") == {"description": b"how loud", "value": b"/shop/level=info"}


def test_parameters_are_fetched_by_tens():
    ssm = boto3.client("ssm")
    for number in range(25):
        ssm.put_parameter(Name=f"p{number}", Type="String", Value="x")
    aws = Recorded()
    result = engine.scan([open_source("ssm-parameter", {}, aws.clients)], [], run_id="r")
    assert result.artifacts == 25
    assert aws.calls.count("GetParameters") == 3


def test_a_parameter_that_is_changed_or_made_anew_is_read_again():
    ssm, seen = boto3.client("ssm"), []
    for value in ("a", "b"):
        ssm.put_parameter(Name="p", Type="String", Value=value, Overwrite=True)
        seen.append(versions("ssm-parameter"))
    ssm.delete_parameter(Name="p")
    ssm.put_parameter(Name="p", Type="String", Value="c")
    seen.append(versions("ssm-parameter"))
    assert len({version for each in seen for version in each.values()}) == 3


def test_only_of_a_running_instance_it_is_known_that_its_user_data_did_not_change():
    ec2 = boto3.client("ec2")
    reply = ec2.run_instances(ImageId="ami-12345678", MinCount=1, MaxCount=1, UserData="x")
    instance = [reply["Instances"][0]["InstanceId"]]
    assert all(versions("ec2-user-data").values())
    ec2.stop_instances(InstanceIds=instance)
    assert [*versions("ec2-user-data").values()] == [""]
    ec2.terminate_instances(InstanceIds=instance)
    assert not versions("ec2-user-data")


def test_parameters_outputs_and_the_template_of_a_stack_are_read_and_again_after_an_update():
    cloudformation = boto3.client("cloudformation")
    template = {
        "Parameters": {"Password": {"Type": "String", "Default": "of the template"}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {"Url": {"Value": {"Fn::Sub": "postgres://app:${Password}@db"}}},
    }
    stack = {"StackName": "shop", "TemplateBody": json.dumps(template)}
    cloudformation.create_stack(**stack)
    read_first = texts("cloudformation-stack")
    assert read_first["parameters/Password"] == b"Password=of the template"
    assert read_first["outputs/Url"] == b"Url=postgres://app:of the template@db"
    assert json.loads(read_first["template"]) == template
    before = versions("cloudformation-stack")
    changed = [{"ParameterKey": "Password", "ParameterValue": "other"}]
    cloudformation.update_stack(**stack, Parameters=changed)
    after = versions("cloudformation-stack")
    assert before.keys() == after.keys()
    assert before != after


def test_the_values_of_secrets_and_of_api_keys_are_never_read():
    secrets, value = boto3.client("secretsmanager"), drawn()
    arn = secrets.create_secret(Name="db", SecretString=value, Description="of the shop")["ARN"]
    policy = {"Version": "2012-10-17", "Statement": []}
    secrets.put_resource_policy(SecretId=arn, ResourcePolicy=json.dumps(policy))
    assert {*texts("secretsmanager-metadata")} == {"description", "resourcePolicy"}
    assert value.encode() not in b"".join(texts("secretsmanager-metadata").values())

    aws = Recorded(replies={**appsync_api({"shop": Setting("LEVEL", "info")})})
    aws.replies["ListApiKeys"] = {"apiKeys": [{"id": value, "description": "of the shop"}]}
    told = texts("appsync-api", aws)
    assert told["apiKeys/0/description"] == b"description=of the shop"
    assert value.encode() not in b"".join(told.values())


def test_a_password_that_glue_encrypted_is_no_text():
    properties = {"ENCRYPTED_PASSWORD": drawn(), "USERNAME": "app", "JDBC_ENFORCE_SSL": "true"}
    connection = {"Name": "c", "ConnectionType": "JDBC", "ConnectionProperties": properties}
    boto3.client("glue").create_connection(ConnectionInput=connection)
    assert texts("glue-connection") == {
        "ConnectionProperties/USERNAME": b"USERNAME=app",
        "ConnectionProperties/JDBC_ENFORCE_SSL": b"JDBC_ENFORCE_SSL=true",
    }


def test_of_each_standard_state_machine_the_latest_hundred_executions_are_read():
    def machine(kind: str) -> dict[str, Any]:
        arn = f"arn:aws:states:us-east-1:123456789012:stateMachine:{kind}"
        return {"stateMachineArn": arn, "name": kind, "type": kind, "creationDate": _THEN}

    def executions(stateMachineArn: str, nextToken: str = "0") -> Any:  # noqa: N803
        ran = [
            {
                "executionArn": f"{stateMachineArn}:{nextToken}-{number}",
                "stateMachineArn": stateMachineArn,
                "name": f"{nextToken}-{number}",
                "status": "RUNNING",
                "startDate": _THEN,
            }
            for number in range(60)
        ]
        return {"executions": ran, "nextToken": str(int(nextToken) + 1)}

    machines = [machine("STANDARD"), machine("EXPRESS")]
    aws = Recorded(replies={"ListStateMachines": {"stateMachines": machines}})
    aws.replies["ListExecutions"] = executions
    listed = versions("step-functions-execution", aws)
    assert len(listed) == 100
    assert aws.calls == ["ListStateMachines", "ListExecutions", "ListExecutions"]


def test_rules_of_every_event_bus_are_read_page_by_page():
    def buses(NextToken: str = "") -> Any:  # noqa: N803
        page = {"EventBuses": [{"Name": f"bus{NextToken}"}]}
        return page if NextToken else page | {"NextToken": "-2"}

    def rules(EventBusName: str) -> Any:  # noqa: N803
        return {"Rules": [{"Name": "r", "Arn": f"arn:aws:events:::rule/{EventBusName}/r"}]}

    aws = Recorded(replies={"ListEventBuses": buses, "ListRules": rules})
    assert [uri.split("/")[1] for uri in versions("eventbridge-target", aws)] == ["bus", "bus-2"]


def test_all_versions_of_a_launch_template_are_read():
    ec2, value = boto3.client("ec2"), drawn()
    encoded = base64.b64encode(f"x {value}".encode()).decode()
    ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"UserData": encoded})
    for _ in range(2):
        data = {"UserData": "IyEvYmluL3No"}
        ec2.create_launch_template_version(LaunchTemplateName="web", LaunchTemplateData=data)
    source = open_source("ec2-launch-template", {}, Recorded().clients)
    assert {*texts("ec2-launch-template")} == {f"{number}/userData" for number in (1, 2, 3)}
    result = engine.scan([source], [managed(value)], run_id="r")
    assert [f.location.uri.partition("#")[2] for f in result.findings] == ["1/userData"]
