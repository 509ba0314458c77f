"""Glue connections."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.texts import leaves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wickie.scan.chunk import Artifact

KIND: Final = "glue-connection"
PERMISSIONS: Final = ("glue:GetConnections", "sts:GetCallerIdentity")

_PARTS: Final = (
    "Description",
    "ConnectionProperties",
    "SparkProperties",
    "AthenaProperties",
    "PythonProperties",
)
_ENCRYPTED: Final = "ConnectionProperties/ENCRYPTED_PASSWORD"


def connections(client: Any, prefix: str, account: Callable[[], str]) -> Iterator[Artifact]:
    """List connections. Who may do so gets the password too, unless the catalog encrypts it."""
    place = f"arn:{client.meta.partition}:glue:{client.meta.region_name}:{account()}"
    for page in client.get_paginator("get_connections").paginate():
        for connection in page["ConnectionList"]:
            name = connection["Name"]
            if name.startswith(prefix):
                texts = partial(_texts, connection)
                yield artifact_of(texts, f"{place}:connection/{name}", KIND)


def _texts(connection: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for part in _PARTS:
        for at, text in leaves(part, connection.get(part)):
            if at != _ENCRYPTED:
                yield at, text
