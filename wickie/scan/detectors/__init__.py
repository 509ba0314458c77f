"""What recognises credentials in text; one module per detector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wickie.scan.chunk import Detector
from wickie.scan.detectors.kingfisher import KingfisherDetector
from wickie.scan.detectors.managed import ManagedDetector

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from wickie.fingerprints import Fingerprint

__all__ = ["Detector", "KingfisherDetector", "ManagedDetector", "open_detectors"]


def open_detectors(
    key: bytes, fingerprints: Iterable[Fingerprint] = (), askable: Container[str] = ()
) -> tuple[ManagedDetector, KingfisherDetector]:
    """
    Make every detector ready.

    Args:
        key: The working key the fingerprints were made with; findings are named with it too.
        fingerprints: The managed secrets to recognise.
        askable: Rules whose matches somebody is going to ask an issuer about.
    """
    return ManagedDetector(fingerprints, key), KingfisherDetector(key, askable=askable)
