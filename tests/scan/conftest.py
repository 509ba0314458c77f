"""What tests of scans share: Kingfisher's rules, which load slowly, and moto as it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from moto.cloudformation.responses import CloudFormationResponse

from tests.scan.paper import KEY
from wickie.scan.detectors import KingfisherDetector


@pytest.fixture(scope="session")
def kingfisher() -> KingfisherDetector:
    return KingfisherDetector(KEY)


_MOTOS: dict[str, Any] = dict(vars(CloudFormationResponse))
_TRANSFORMERS = dict(CloudFormationResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER)


@pytest.fixture(scope="module", autouse=True)
def _cloudformation_of_moto() -> Iterator[None]:
    """The local AWS puts its own in moto's place, for as long as the process lives."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _MOTOS.items():
            if callable(value) and vars(CloudFormationResponse)[name] is not value:
                patch.setattr(CloudFormationResponse, name, value)
        patch.setattr(CloudFormationResponse, "RESPONSE_KEY_PATH_TO_TRANSFORMER", {**_TRANSFORMERS})
        yield
