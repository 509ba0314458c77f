"""Parameters of Systems Manager that are not encrypted."""

from __future__ import annotations

from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final

from wickie.scan.sources.reading import artifact_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import ParameterMetadataTypeDef

    from wickie.scan.chunk import Artifact

KIND: Final = "ssm-parameter"
PERMISSIONS: Final = ("ssm:DescribeParameters", "ssm:GetParameters")

_PAGE: Final = 50
_AT_ONCE: Final = 10
"""https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html"""


def parameters(client: SSMClient, prefix: str) -> Iterator[Artifact]:
    """List parameters of type String and StringList; a SecureString is where a secret may be."""
    pages = client.get_paginator("describe_parameters").paginate(
        ParameterFilters=[{"Key": "Type", "Values": ["String", "StringList"]}],
        PaginationConfig={"PageSize": _PAGE},
    )
    for page in pages:
        listed = [each for each in page["Parameters"] if each.get("Name", "").startswith(prefix)]
        for start in range(0, len(listed), _AT_ONCE):
            some = listed[start : start + _AT_ONCE]
            values = _Values(client, [each["Name"] for each in some])
            yield from (_artifact(each, values) for each in some)


def _artifact(parameter: ParameterMetadataTypeDef, values: _Values) -> Artifact:
    # Stand-ins for AWS know nothing of the ARN, which is recent here.
    arn = parameter.get("ARN", f"{KIND}:{parameter['Name']}")
    # Who deletes a parameter and makes it anew begins again with version 1.
    version = f"{parameter['Version']} {parameter['LastModifiedDate'].isoformat()}"
    return artifact_of(partial(_texts, parameter, values), arn, KIND, version=version)


def _texts(parameter: ParameterMetadataTypeDef, values: _Values) -> Iterator[tuple[str, str]]:
    yield "description", parameter.get("Description", "")
    yield "value", f"{parameter['Name']}={values.of(parameter['Name'])}"


class _Values:
    """Several parameters, fetched at once when the first of them is wanted: AWS counts calls."""

    def __init__(self, client: SSMClient, names: Sequence[str]) -> None:
        self._client = client
        self._names = names
        self._values: dict[str, str] = {}
        self._fetching = Lock()

    def of(self, name: str) -> str:
        """The value of one of them; empty if it is gone since it was listed."""
        with self._fetching:
            if not self._values:
                reply = self._client.get_parameters(Names=self._names, WithDecryption=False)
                self._values = {each["Name"]: each["Value"] for each in reply["Parameters"]}
            return self._values.get(name, "")
