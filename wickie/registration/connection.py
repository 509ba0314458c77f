"""The Prefect server that wickie.yaml names, with the key from Secrets Manager."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from wickie.asking import Patience
from wickie.https import authorization
from wickie.prefect import PrefectServer, read_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient

PATIENT: Final = Patience(40, first=0.3, longest=5, growth=1.6)
"""For each call: SQLite may be busy with somebody else's deployment, and Cloud limits rates."""
_SECONDS: Final = 15.0
"""For one answer. To ask a server anew that is busy with the first makes it no faster."""
LEAVING: Final = Patience(10, first=0.3)
"""Whoever deletes a stack does not wait long for a server that may be gone itself."""


@dataclass(frozen=True)
class Connection:
    """A server, and how the containers of flows are told its key without it being shown."""

    server: PrefectServer
    key: Mapping[str, str]
    """Variable of the base job template, and the ARN of the secret that ECS takes it from."""


def connect(
    secrets_manager: SecretsManagerClient,
    api_url: str,
    *,
    api_key_secret: str | None,
    auth_string_secret: str | None,
    patience: Patience = PATIENT,
) -> Connection:
    """Raises `ConfigError` or `NotFoundError` about the secret. The server is not asked yet."""
    api_key = read_key(secrets_manager, api_key_secret) if api_key_secret else None
    auth = read_key(secrets_manager, auth_string_secret) if auth_string_secret else None
    arns = {
        "prefect_api_key_secret_arn": api_key,
        "prefect_api_auth_string_secret_arn": auth,
    }
    header = authorization(api_key and api_key.text, auth and auth.text)
    server = PrefectServer(api_url.rstrip("/"), header, patience=patience, seconds=_SECONDS)
    return Connection(server, {name: key.arn for name, key in arns.items() if key})
