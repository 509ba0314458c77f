"""The API of a Prefect server, as far as the rotation function needs it: read, and change."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import DependentError, ProviderUnavailableError
from wickie.https import ASK_AGAIN, call, place
from wickie.rotation.asking import Patience

if TYPE_CHECKING:
    from wickie.https import Reply

# A delivery is three calls, and the function that makes it has a minute for all.
_SECONDS: Final = 5.0
_PATIENCE: Final = Patience(8, first=0.3)
_DENIED: Final = frozenset({401, 403})
_ABSENT: Final = frozenset({404, 422})
"""Prefect answers 422 to a name that no block or type of block can have."""
_SUCCESS: Final = range(200, 300)


@dataclass(frozen=True)
class PrefectServer:
    """A server is asked again while its SQLite is busy, which it says by 503."""

    api_url: str
    authorization: str = field(default="", repr=False)
    ca_bundle: str | None = None

    @property
    def name(self) -> str:
        """How a person knows it."""
        return f"Prefect at {place(self.api_url)}"

    def get(self, path: str) -> Any:
        """Read; None if it does not exist."""
        reply = self._call("GET", path, None)
        if reply.status in _ABSENT:
            return None
        try:
            return json.loads(self._accepted(reply).body)
        except ValueError:
            raise DependentError(f"{self.name} does not answer JSON; correct api_url") from None

    def patch(self, path: str, body: object) -> None:
        """Change."""
        self._accepted(self._call("PATCH", path, json.dumps(body).encode()))

    def _call(self, method: str, path: str, body: bytes | None) -> Reply:
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
                    body=body,
                    ca_bundle=self.ca_bundle,
                    seconds=_SECONDS,
                )
            except ProviderUnavailableError as error:
                last = error
                return None
            return None if last.status in ASK_AGAIN else last

        reply = _PATIENCE.until(answered) or last
        if isinstance(reply, ProviderUnavailableError):
            raise reply
        return reply

    def _accepted(self, reply: Reply) -> Reply:
        # Its answer to a refusal may repeat what it was sent, and is never quoted.
        if reply.status in _DENIED:
            raise DependentError(
                f"{self.name} refuses wickie ({reply.status}); store a key that may read and write "
                f"blocks in the secret that api_key or auth_string names"
            )
        if reply.status not in _SUCCESS:
            raise DependentError(f"{self.name} answered {reply.status}; read its log")
        return reply
