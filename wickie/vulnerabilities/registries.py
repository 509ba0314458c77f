"""Signs in to Amazon ECR, so that a scanner needs no AWS credentials."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.credentials import Sensitive
from wickie.errors import SourceError
from wickie.vulnerabilities.scanner import Login
from wickie.vulnerabilities.target import Kind

if TYPE_CHECKING:
    from wickie.aws import Clients
    from wickie.vulnerabilities.target import Target

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


def login(clients: Clients, target: Target) -> Login | None:
    """A password for twelve hours, where the target is an image in ECR."""
    place = repository(target.reference) if target.kind is Kind.IMAGE else None
    if not place:
        return None
    if place.region != clients.region:
        raise SourceError(
            f"{target.name} is in {place.region}, and passwords for {clients.region} do not open "
            f"it; replicate the image, or scan it there"
        )
    reply = clients.service("ecr").get_authorization_token(registryIds=[place.account])
    token = reply["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return Login(place.registry, user, Sensitive(password))
