"""Environment variables of Lambda functions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from wickie.model import Gap
from wickie.scan.sources.reading import artifact_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import EnvironmentResponseTypeDef

    from wickie.scan.chunk import Artifact

KIND: Final = "lambda-environment"
PERMISSIONS: Final = ("lambda:ListFunctions",)


def environments(client: LambdaClient, prefix: str) -> Iterator[Artifact | Gap]:
    """List functions, and every published version of them: those never change again."""
    for page in client.get_paginator("list_functions").paginate(FunctionVersion="ALL"):
        for function in page["Functions"]:
            if function["FunctionName"].startswith(prefix):
                arn = function["FunctionArn"].removesuffix(":$LATEST")
                name = arn.removesuffix(f":{function['Version']}")
                variables = partial(_variables, arn, function.get("Environment", {}))
                yield artifact_of(variables, arn, KIND, artifact=name, at_hand=True)


def _variables(
    arn: str, environment: EnvironmentResponseTypeDef
) -> Iterator[tuple[str, str] | Gap]:
    if error := environment.get("Error"):
        yield Gap(arn, f"{error.get('ErrorCode')}; allow kms:Decrypt on the function's key")
    for name, value in sorted(environment.get("Variables", {}).items()):
        yield name, f"{name}={value}"
