"""Signs in to Amazon ECR, so that a scanner needs no AWS credentials."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.credentials import Sensitive
from wickie.errors import SourceError
from wickie.vulnerabilities.scanner import Login

if TYPE_CHECKING:
    from wickie.aws import Clients

SIGN_IN_PERMISSIONS: Final = ("ecr:GetAuthorizationToken",)
PULL_PERMISSIONS: Final = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
"""On the repository of an image."""

_ECR: Final = re.compile(
    r"(?P<registry>(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?)"
    r"/(?P<name>[^@:]+)"
)


@dataclass(frozen=True)
class Repository:
    """A repository of ECR's."""

    registry: str
    account: str
    region: str
    name: str


def repository(reference: str) -> Repository | None:
    """Where in ECR an image is; None if it is elsewhere."""
    found = _ECR.match(reference)
    return Repository(**found.groupdict()) if found else None


def login(clients: Clients, reference: str | None) -> Login | None:
    """A password for twelve hours, where the reference is of something in ECR."""
    place = repository(reference or "")
    if not place:
        return None
    if place.region != clients.region:
        raise SourceError(
            f"{place.name} is in {place.region}, and passwords for {clients.region} do not open "
            f"it; replicate it"
        )
    reply = clients.service("ecr").get_authorization_token(registryIds=[place.account])
    token = reply["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return Login(place.registry, user, Sensitive(password))
