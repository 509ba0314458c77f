"""CloudFormation stacks."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

from wickie.scan.sources.reading import artifact_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

    from wickie.scan.chunk import Artifact

KIND: Final = "cloudformation-stack"
PERMISSIONS: Final = ("cloudformation:DescribeStacks", "cloudformation:GetTemplate")


def stacks(client: CloudFormationClient, prefix: str) -> Iterator[Artifact]:
    """List stacks. A NoEcho parameter comes as asterisks; its default stands in the template."""
    for page in client.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackName"].startswith(prefix):
                texts = partial(_texts, client, stack)
                yield artifact_of(texts, stack["StackId"], KIND, version=_version(stack))


def _version(stack: StackTypeDef) -> str:
    """An update sets the time when it begins, and the outputs when it ends."""
    changed = stack.get("LastUpdatedTime", stack["CreationTime"])
    return f"{changed.isoformat()} {stack['StackStatus']}"


def _texts(client: CloudFormationClient, stack: StackTypeDef) -> Iterator[tuple[str, str]]:
    for parameter in stack.get("Parameters", []):
        name = parameter.get("ParameterKey", "")
        yield f"parameters/{name}", f"{name}={parameter.get('ParameterValue', '')}"
    for output in stack.get("Outputs", []):
        name = output.get("OutputKey", "")
        yield f"outputs/{name}", f"{name}={output.get('OutputValue', '')}"
    template = client.get_template(StackName=stack["StackId"])["TemplateBody"]
    # boto3 parses a template that is JSON, whatever its stubs say.
    yield "template", template if isinstance(template, str) else json.dumps(template)
