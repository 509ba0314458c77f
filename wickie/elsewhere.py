"""AWS clients of other regions, and of other accounts by a role there that is assumed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)
from botocore.session import get_session

from wickie.aws import Clients, of_botocore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from botocore.credentials import Credentials


def elsewhere(
    home: Clients, region: str, role: str | None = None, external_id: str | None = None
) -> Clients:
    """Clients of another region, with the credentials of `home` or those of a role."""
    core: Any = get_session()
    core.set_config_variable("region", region)
    provider = _Given(lambda: _credentials(home, role, external_id))
    core.register_component("credential_provider", CredentialResolver([provider]))
    return Clients(of_botocore(core))


def require_credentials(clients: Clients) -> None:
    """Make sure that there are credentials to sign with. Raises what AWS or botocore does."""
    if credentials := clients.session.get_credentials():
        credentials.get_frozen_credentials()


def _credentials(home: Clients, role: str | None, external_id: str | None) -> Credentials | None:
    """A role's are fetched when they are needed, and anew before they expire."""
    if role is None:
        return home.session.get_credentials()
    return DeferredRefreshableCredentials(
        refresh_using=lambda: _assumed(home, role, external_id), method="assume-role"
    )


def _assumed(home: Clients, role: str, external_id: str | None) -> Mapping[str, str]:
    asked = {"ExternalId": external_id} if external_id else {}
    reply = home.service("sts").assume_role(RoleArn=role, RoleSessionName="wickie-scan", **asked)
    given = reply["Credentials"]
    return {
        "access_key": given["AccessKeyId"],
        "secret_key": given["SecretAccessKey"],
        "token": given["SessionToken"],
        "expiry_time": given["Expiration"].isoformat(),
    }


class _Given(CredentialProvider):
    """Where a session has its credentials from, if not from the environment."""

    METHOD = "given"

    def __init__(self, credentials: Callable[[], Credentials | None]) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials | None:
        return self._credentials()
