"""Short ways to bring stacks to a local CloudFormation and to see what became of them."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from moto import mock_aws

from local.cloudformation import complete
from local.world import REGION, World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

Template = dict[str, Any]

ALLOW = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
POLICY = {"Version": "2012-10-17", "Statement": [ALLOW]}
ASSUME = {
    "Effect": "Allow",
    "Action": "sts:AssumeRole",
    "Principal": {"Service": "x.amazonaws.com"},
}
TRUST = {"Version": "2012-10-17", "Statement": [ASSUME]}
OTHER_TRUST = {
    "Version": "2012-10-17",
    "Statement": [ASSUME | {"Principal": {"Service": "y.amazonaws.com"}}],
}
TAGS = [{"Key": "app", "Value": "a"}]
ROLE = ("AWS::IAM::Role", {"AssumeRolePolicyDocument": TRUST})


def template(*, outputs: dict[str, Any] | None = None, **resources: Any) -> Template:
    """A template of resources given as (type, properties) or as whole definitions."""
    made = {
        name: given if isinstance(given, dict) else {"Type": given[0], "Properties": given[1]}
        for name, given in resources.items()
    }
    return {"Resources": made, "Outputs": outputs or {}}


def parameter(value: Any, name: str | None = None) -> tuple[str, dict[str, Any]]:
    """The simplest resource there is: an SSM parameter."""
    named = {"Name": name} if name else {}
    return "AWS::SSM::Parameter", {"Type": "String", "Value": value, **named}


class _InProcess(World):
    """A world without a server: moto answers inside botocore."""

    def client(self, service: str, region: str = REGION) -> Any:
        return _client(service, region)


@cache
def _client(service: str, region: str) -> Any:
    make: Any = boto3.client
    return make(service, region_name=region)


@contextmanager
def in_process(scratch: Path) -> Iterator[Stacks]:
    """A CloudFormation without network."""
    with mock_aws():
        world = _InProcess("http://localhost", scratch)
        complete(world)
        yield Stacks(world.client)


class Stacks:
    """CloudFormation as the CDK CLI uses it."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self.client = client
        self.api = client("cloudformation")

    def deploy(self, name: str, body: Template | str, **options: Any) -> str:
        """Create or update by a change set; the stack's status."""
        exists = name in [s["StackName"] for s in self.api.describe_stacks()["Stacks"]]
        self.change_set(name, body, kind="UPDATE" if exists else "CREATE", **options)
        self.api.execute_change_set(ChangeSetName="c", StackName=name)
        return self.status(name)

    def change_set(self, name: str, body: Template | str, *, kind: str, **options: Any) -> Any:
        """Prepare a change."""
        text = body if isinstance(body, str) else json.dumps(body)
        self.api.delete_change_set(ChangeSetName="c", StackName=name)
        self.api.create_change_set(
            StackName=name, ChangeSetName="c", ChangeSetType=kind, TemplateBody=text, **options
        )
        return self.api.describe_change_set(ChangeSetName="c", StackName=name)

    def delete(self, name: str) -> str:
        """Delete; the status it ends with."""
        identity = self.describe(name)["StackId"]
        self.api.delete_stack(StackName=name)
        return self.status(identity)

    def describe(self, name: str) -> Any:
        """The stack."""
        return self.api.describe_stacks(StackName=name)["Stacks"][0]

    def status(self, name: str) -> str:
        """The stack's status."""
        return str(self.describe(name)["StackStatus"])

    def outputs(self, name: str) -> dict[str, str]:
        """The stack's outputs."""
        return {o["OutputKey"]: o["OutputValue"] for o in self.describe(name).get("Outputs", [])}

    def physical_id(self, stack: str, logical_id: str) -> str:
        """What a resource is called outside."""
        answer = self.api.describe_stack_resource(StackName=stack, LogicalResourceId=logical_id)
        return str(answer["StackResourceDetail"]["PhysicalResourceId"])

    def events(self, name: str) -> list[tuple[str, str]]:
        """What happened, in order."""
        events = self.api.describe_stack_events(StackName=name)["StackEvents"]
        return [(e["LogicalResourceId"], e["ResourceStatus"]) for e in reversed(events)]

    def reasons(self, name: str) -> str:
        """Every reason given."""
        events = self.api.describe_stack_events(StackName=name)["StackEvents"]
        return "\n".join(e.get("ResourceStatusReason", "") for e in events)


def deploy(stacks: Stacks, **resources: Any) -> None:
    """Deploy and expect success."""
    status = stacks.deploy("s", template(**resources))
    assert status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), stacks.reasons("s")
