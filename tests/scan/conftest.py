"""What tests of scans share: Kingfisher's rules, which load slowly, and moto as it comes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import motos
from tests.scan.paper import KEY
from wickie.scan.detectors import KingfisherDetector


@pytest.fixture(scope="session")
def kingfisher() -> KingfisherDetector:
    return KingfisherDetector(KEY)


@pytest.fixture(scope="module", autouse=True)
def _cloudformation_of_moto() -> Iterator[None]:
    with motos.cloudformation():
        yield
