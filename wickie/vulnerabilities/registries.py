"""Signs in to Amazon ECR, so that a scanner needs no AWS credentials."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Final

from wickie.credentials import Sensitive
from wickie.vulnerabilities.scanner import Login
from wickie.vulnerabilities.target import Kind

if TYPE_CHECKING:
    from wickie.aws import Clients
    from wickie.vulnerabilities.target import Target

PERMISSIONS: Final = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
"""Of pulling an image; all but the first on its repository."""

_ECR: Final = re.compile(
    r"(?P<registry>(?P<account>\d{12})\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?)/"
)


def login(clients: Clients, target: Target) -> Login | None:
    """A password for twelve hours, where the target is an image in ECR."""
    found = _ECR.match(target.reference) if target.kind is Kind.IMAGE else None
    if not found:
        return None
    ecr = clients.service("ecr")
    reply = ecr.get_authorization_token(registryIds=[found["account"]])
    token = reply["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(token).decode().partition(":")
    return Login(found["registry"], user, Sensitive(password))
