"""CloudFormation as moto has it: the local AWS puts its own in its place, for the whole process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from moto.cloudformation.responses import CloudFormationResponse

_MOTOS: dict[str, Any] = dict(vars(CloudFormationResponse))
_TRANSFORMERS = dict(CloudFormationResponse.RESPONSE_KEY_PATH_TO_TRANSFORMER)


@contextmanager
def cloudformation() -> Iterator[None]:
    """Put moto's own back, for as long."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _MOTOS.items():
            if callable(value) and vars(CloudFormationResponse)[name] is not value:
                patch.setattr(CloudFormationResponse, name, value)
        patch.setattr(CloudFormationResponse, "RESPONSE_KEY_PATH_TO_TRANSFORMER", {**_TRANSFORMERS})
        yield
