"""Register function: CloudFormation invokes it to make, change or take away what Prefect knows."""

from __future__ import annotations

import functools
import logging
import os
from pathlib import Path
from typing import Any

from wickie.aws import FunctionClients
from wickie.registration.custom_resource import answer

logging.getLogger("wickie").setLevel(logging.INFO)
_clients = functools.cache(lambda: FunctionClients(os.environ))
_MANIFEST = Path(__file__).parent.parent / "manifest.json"  # put into the zip by the stack


def lambda_handler(event: dict[str, Any], context: Any) -> None:
    """Do what is asked; success or failure is told to CloudFormation, not returned."""
    answer(event, _clients(), _MANIFEST, lambda: context.get_remaining_time_in_millis() / 1000)
