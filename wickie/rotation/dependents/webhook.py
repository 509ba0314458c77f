"""
A receiver of a signed message: whatever runs elsewhere, as in EKS, and renews itself.

The message names the secret and its version, and never the value. Its signature is made by KMS,
so there is no key to store or to steal, and a receiver checks it by kms:VerifyMac. How: see
docs/dependents.md.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final, Self

from wickie.asking import Patience, asking
from wickie.errors import ProviderUnavailableError
from wickie.https import ASK_AGAIN, call, place
from wickie.model import DependentOutcome, DependentState

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

    from wickie.rotation.dependents import Declared

EVENT: Final = "secret.rotated"
SIGNATURE: Final = "X-Wickie-Signature"
_OK: Final = 200
_SUCCESS: Final = range(200, 300)
_SECONDS: Final = 60.0
"""A receiver may answer when it is done, so it is given more time than a mere acknowledgement."""


@dataclass(frozen=True)
class Webhook:
    """Well when it has taken the message and, where it has a health URL, that one answers 200."""

    PERMISSIONS: ClassVar[tuple[str, ...]] = ("kms:GenerateMac", "secretsmanager:DescribeSecret")
    OPTIONS: ClassVar[tuple[str, ...]] = ("url", "key", "health")
    EXCLUSIVE: ClassVar[bool] = False

    entry: Declared = field(repr=False)
    url: str = field(repr=False)
    key: str
    health: str | None = None
    tries: Patience = field(default=Patience(120, first=0.5, longest=15), repr=False)
    patience: Patience = field(default=Patience(300), repr=False)

    @classmethod
    def declared(cls, entry: Declared) -> Self:
        """See `Kind`."""
        options = entry.options
        return cls(entry, options["url"], options["key"], options.get("health"))

    @property
    def name(self) -> str:
        return f"webhook {place(self.url)}"

    def check(self) -> None:
        """Do nothing: there is no asking a receiver without telling it."""

    def refresh(self, version: str) -> DependentOutcome:
        """
        Tell it, again while it fails, then wait for its health.

        It is told of a version whenever this is called; to hear of one twice must not harm it.
        """
        secret = self.entry.describe().arn
        message = {"event": EVENT, "secret": secret, "version": version}
        if why := self._insist(json.dumps(message).encode()):
            return DependentOutcome(self.name, DependentState.UNHEALTHY, why)
        if self.health and not self.patience.until(self._healthy):
            detail = f"{place(self.health)} was not 200 within {self.patience.seconds:.0f} s"
            return DependentOutcome(self.name, DependentState.UNHEALTHY, detail)
        return DependentOutcome(self.name, DependentState.REFRESHED)

    def _insist(self, body: bytes) -> str:
        """Send until it is taken or refused; why it was not taken, or nothing."""
        last = ""

        def settled() -> str | None:
            nonlocal last
            try:
                status = self._send(body)
            except ProviderUnavailableError as error:
                last = str(error)
                return None
            last = "" if status in _SUCCESS else f"it answered {status}"
            return None if status in ASK_AGAIN else last

        answer = self.tries.until(settled)
        return last if answer is None else answer

    def _send(self, body: bytes) -> int:
        """Sign anew each time: a signature is good for minutes only."""
        headers = {
            "Content-Type": "application/json",
            SIGNATURE: signature(self.entry.clients.kms, self.key, body, int(time.time())),
        }
        return call("POST", self.url, headers=headers, body=body, seconds=_SECONDS).status

    def _healthy(self) -> bool | None:
        try:
            return call("GET", self.health or "", headers={}).status == _OK or None
        except ProviderUnavailableError:
            return None


def signature(kms: KMSClient, key: str, body: bytes, now: int) -> str:
    """The header that proves who sent `body`, and when: `t=<seconds>,v1=<hex>`."""
    with asking(f"KMS key {key}"):
        reply = kms.generate_mac(
            KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=f"{now}.".encode() + body
        )
    return f"t={now},v1={reply['Mac'].hex()}"
