"""The REST API of a Prefect server or of Prefect Cloud, asked without Prefect's own client."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wickie.asking import Patience, asking
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
)
from wickie.https import ASK_AGAIN, authorization, call, place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from wickie.https import Reply

PERMISSIONS: Final = ("secretsmanager:GetSecretValue",)
"""On the secret that holds the key of the API."""

_SECONDS: Final = 5.0
_PATIENCE: Final = Patience(8, first=0.3)
_DENIED: Final = frozenset({401, 403})
_ABSENT: Final = frozenset({404, 422})
"""Prefect answers 422 to a name that no block or type of block can have."""
_CONFLICT: Final = 409
_SUCCESS: Final = range(200, 300)


class Key(NamedTuple):
    """What a server knows its clients by, and the secret it is kept in."""

    text: str
    arn: str


@dataclass(frozen=True)
class PrefectServer:
    """A server is asked again while its SQLite is busy, which it says by 503."""

    api_url: str
    authorization: str = field(default="", repr=False)
    ca_bundle: str | None = None
    patience: Patience | None = None
    """How long each call is tried; left out, as long as a rotation function has for three."""
    seconds: float = _SECONDS
    """How long one answer is waited for."""
    longest: int = 16 << 20
    """Bytes of an answer."""

    @property
    def name(self) -> str:
        """How a person knows it."""
        return f"Prefect at {place(self.api_url)}"

    def get(self, path: str) -> Any:
        """Read; None if it does not exist."""
        reply = self._call("GET", path, None)
        return None if reply.status in _ABSENT else self._document(reply, path)

    def post(self, path: str, body: object) -> Any:
        """Filter, create or start; what was answered, None if that is empty."""
        return self._document(self._call("POST", path, body), path)

    def create(self, path: str, body: object) -> Any:
        """Create; None if it exists already."""
        reply = self._call("POST", path, body)
        return None if reply.status == _CONFLICT else self._document(reply, path)

    def patch(self, path: str, body: object) -> None:
        """Change."""
        self._accepted(self._call("PATCH", path, body), path)

    def put(self, path: str, body: object) -> None:
        """Put in the place of what was there."""
        self._accepted(self._call("PUT", path, body), path)

    def delete(self, path: str) -> None:
        """Delete, or find it gone."""
        reply = self._call("DELETE", path, None)
        if reply.status not in _ABSENT:
            self._accepted(reply, path)

    def _call(self, method: str, path: str, body: object) -> Reply:
        headers = {"Content-Type": "application/json"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        last: Reply | ProviderUnavailableError = ProviderUnavailableError("not asked")

        def answered() -> Reply | None:
            nonlocal last
            try:
                last = call(
                    method,
                    f"{self.api_url}{path}",
                    headers=headers,
                    body=None if body is None else json.dumps(body).encode(),
                    ca_bundle=self.ca_bundle,
                    seconds=self.seconds,
                    longest=self.longest,
                )
            except ProviderUnavailableError as error:
                last = error
                return None
            return None if last.status in ASK_AGAIN else last

        reply = (self.patience or _PATIENCE).until(answered) or last
        if isinstance(reply, ProviderUnavailableError):
            raise reply
        return reply

    def _document(self, reply: Reply, path: str) -> Any:
        body = self._accepted(reply, path).body
        try:
            return json.loads(body) if body else None
        except ValueError:
            raise ProviderError(f"{self.name} does not answer JSON; correct api_url") from None

    def _accepted(self, reply: Reply, path: str) -> Reply:
        # Its answer to a refusal may repeat what it was sent, and is never quoted.
        if reply.status in ASK_AGAIN:
            raise ProviderUnavailableError(
                f"{self.name} answered {reply.status} to the last; try again later, or read its log"
            )
        if reply.status in _DENIED:
            raise AuthenticationError(
                f"{self.name} refuses wickie ({reply.status}); store a key that it honours in the "
                f"secret that wickie.yaml names, or let its owner do more"
            )
        if reply.status not in _SUCCESS:
            raise ProviderError(f"{self.name} answered {reply.status} to {path}; read its log")
        return reply


def read_key(secrets_manager: SecretsManagerClient, secret: str) -> Key:
    """Read the key of a Prefect API from the secret that holds it, as plain text."""
    with asking(f"secret {secret}"):
        reply = secrets_manager.get_secret_value(SecretId=secret)
    text = reply.get("SecretString", "").strip()
    if not text:
        raise ConfigError(f"secret {secret} holds no text; store the key of Prefect's API in it")
    return Key(text, reply["ARN"])


def server_of(settings: Mapping[str, Any], secrets_manager: SecretsManagerClient) -> PrefectServer:
    """
    The server of a function's settings: `api_url`, and `keys`.

    Those are the secrets that hold `api_key` and `auth_string`, or none.
    """
    keys = {
        kind: read_key(secrets_manager, secret).text if secret else None
        for kind, secret in settings["keys"].items()
    }
    return PrefectServer(settings["api_url"].rstrip("/"), authorization(**keys))
