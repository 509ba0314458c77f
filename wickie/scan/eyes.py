"""What a scan looks with: detectors, the key that findings are named with, and who is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from wickie.fingerprints import FingerprintTable, working_key
from wickie.scan.detectors import open_detectors
from wickie.scan.issuers import open_issuers
from wickie.scan.verification import Verification

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wickie.aws import Clients
    from wickie.deployment import Deployment
    from wickie.scan.chunk import Detector


class Verify(Protocol):
    """Whom to ask whether what was found is live, as wickie.yaml describes it."""

    @property
    def seconds(self) -> float:
        """How long all asking may take."""

    def urls(self) -> Mapping[str, str]:
        """Where those are that have no one address."""


@dataclass(frozen=True)
class Eyes:
    """Without a stage, managed secrets are not recognised, and nobody is asked."""

    key: bytes = field(repr=False)
    detectors: Sequence[Detector] = field(repr=False)
    verification: Verification | None = None
    honeytokens: frozenset[str] | None = None
    """ARNs of those that are recognised; None where no stage is known."""

    @classmethod
    def of(cls, clients: Clients, deployed: Deployment, verify: Verify | None) -> Self:
        """Those of a stage, with the fingerprints of its managed secrets."""
        key = working_key(clients.kms, deployed.fingerprint_key)
        prints = tuple(FingerprintTable(clients.dynamodb, deployed.fingerprint_table).load())
        issuers = tuple(open_issuers(clients, verify.urls())) if verify else ()
        askable = {rule for issuer in issuers for rule in issuer.rules}
        managed, others = open_detectors(key, prints, askable)
        asking = Verification(issuers, managed.knows, verify.seconds) if verify else None
        honeytokens = frozenset(each.arn for each in prints if each.honeytoken)
        return cls(key, (managed, others), asking, honeytokens)

    @property
    def notices(self) -> tuple[str, ...]:
        """What was left undone, to be told."""
        return self.verification.notices if self.verification else ()
