"""Kingfisher's rules take a while to load: once for all tests of a session."""

from __future__ import annotations

import pytest

from tests.scan.paper import KEY
from wickie.scan.detectors import KingfisherDetector


@pytest.fixture(scope="session")
def kingfisher() -> KingfisherDetector:
    return KingfisherDetector(KEY)
