"""Code of Lambda functions, and layers."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wickie.model import Gap
from wickie.scan.chunk import Artifact
from wickie.scan.sources.downloading import downloaded
from wickie.scan.sources.reading import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import FunctionConfigurationTypeDef

    from wickie.aws import Clients

PERMISSIONS: Final = (
    "lambda:ListFunctions",
    "lambda:GetFunction",
    "lambda:ListLayers",
    "lambda:ListLayerVersions",
    "lambda:GetLayerVersion",
)

_LARGEST_MB: Final = 256
_SMALL: Final = 1 << 20
_MOST: Final = 1 << 30
"""Bytes unpacked; Lambda itself takes a quarter of it, function and layers together."""


def open_code(options: Mapping[str, Any], clients: Clients) -> Code:
    """Open the code of functions, and layers, whose name starts with `prefix`."""
    largest = options.get("largest_mb", _LARGEST_MB) << 20
    return Code(clients.service("lambda"), options.get("prefix", ""), largest)


@dataclass(frozen=True)
class Code:
    """
    What was deployed for functions and their published versions, each code of a function once.

    A function that is an image is read where the image lies, as `ecr-image`.
    """

    kind: ClassVar[str] = "lambda-code"

    client: LambdaClient = field(repr=False)
    prefix: str = ""
    largest: int = _LARGEST_MB << 20

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"{self.kind}:{self.prefix}*"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        layers: dict[str, int] = {}
        with reading(self.uri, PERMISSIONS):
            yield from self._functions(layers)
            for arn in self._own_layers():
                layers.setdefault(arn, 0)
            for arn, size in layers.items():
                yield self._layer(arn, size)

    def _functions(self, layers: dict[str, int]) -> Iterator[Artifact | Gap]:
        seen = set[tuple[str, str]]()
        for page in self.client.get_paginator("list_functions").paginate(FunctionVersion="ALL"):
            for function in page["Functions"]:
                code = (function["FunctionName"], function["CodeSha256"])
                if not function["FunctionName"].startswith(self.prefix):
                    continue
                for layer in function.get("Layers", []):
                    layers[layer["Arn"]] = layer.get("CodeSize", 0)
                if function.get("PackageType") != "Image" and code not in seen:
                    seen.add(code)
                    yield self._function(function)

    def _function(self, function: FunctionConfigurationTypeDef) -> Artifact | Gap:
        arn = function["FunctionArn"].removesuffix(":$LATEST")
        name = arn.removesuffix(f":{function['Version']}")
        address = partial(self._code_of, arn)
        return self._archive(arn, name, function["CodeSha256"], function["CodeSize"], address)

    def _own_layers(self) -> Iterator[str]:
        for page in self.client.get_paginator("list_layers").paginate():
            for layer in page["Layers"]:
                if layer["LayerName"].startswith(self.prefix):
                    versions = self.client.get_paginator("list_layer_versions")
                    for each in versions.paginate(LayerName=layer["LayerName"]):
                        yield from (one["LayerVersionArn"] for one in each["LayerVersions"])

    def _layer(self, arn: str, size: int) -> Artifact | Gap:
        # A version of a layer never changes.
        address = partial(self._content_of, arn)
        return self._archive(arn, arn.rpartition(":")[0], arn, size, address)

    def _archive(
        self, uri: str, name: str, version: str, size: int, address: Callable[[], str | Gap]
    ) -> Artifact | Gap:
        if size > self.largest:
            return Gap(uri, f"its code is larger than {self.largest} bytes; raise largest_mb")
        read = partial(downloaded, address, uri, name, self.kind, _MOST)
        return Artifact(uri, name, self.kind, read, version, ahead=0 < size <= _SMALL)

    def _code_of(self, arn: str) -> str | Gap:
        code = self.client.get_function(FunctionName=arn)["Code"]
        if error := code.get("Error"):
            why = f"{error.get('ErrorCode')}; allow kms:Decrypt on the key of its code"
            return Gap(arn, why)
        return code["Location"]

    def _content_of(self, arn: str) -> str | Gap:
        content = self.client.get_layer_version_by_arn(Arn=arn)["Content"]
        if content["CodeSize"] > self.largest:
            return Gap(arn, f"it is larger than {self.largest} bytes; raise largest_mb")
        return content["Location"]
