"""Environment variables of Lambda functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from wickie.model import Gap
from wickie.scan.chunk import Chunk
from wickie.scan.sources.reading import reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationTypeDef

    from wickie.aws import Clients

PERMISSIONS: Final = ("lambda:ListFunctions",)


def open_environments(options: Mapping[str, str], clients: Clients) -> Environments:
    """Open the environments of all functions whose name starts with `prefix`."""
    return Environments(clients.lambda_, options.get("prefix", ""))


@dataclass(frozen=True)
class Environments:
    """The variables of functions, and of every published version: those never change again."""

    kind: ClassVar[str] = "lambda-environment"

    client: LambdaClient = field(repr=False)
    prefix: str = ""

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"lambda:{self.prefix}*"

    def chunks(self) -> Iterator[Chunk | Gap]:
        """See `Source`."""
        pages = self.client.get_paginator("list_functions").paginate(FunctionVersion="ALL")
        with reading(self.uri, PERMISSIONS):
            for page in pages:
                for function in page["Functions"]:
                    if function["FunctionName"].startswith(self.prefix):
                        yield from self._read(function)

    def _read(self, function: FunctionConfigurationTypeDef) -> Iterator[Chunk | Gap]:
        arn = function["FunctionArn"].removesuffix(":$LATEST")
        artifact = arn.removesuffix(f":{function['Version']}")
        environment = function.get("Environment", {})
        if error := environment.get("Error"):
            yield Gap(arn, f"{error.get('ErrorCode')}; allow kms:Decrypt on the function's key")
            return
        variables = environment.get("Variables", {})
        if not variables:
            yield Chunk(b"", arn, artifact, self.kind)
        for name, value in sorted(variables.items()):
            yield Chunk(f"{name}={value}".encode(), arn, artifact, self.kind, part=name)
