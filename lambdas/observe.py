"""Observe function: Lambda hands it from the queue how containers ended, and Prefect is told."""

from __future__ import annotations

import functools
import json
import logging
import os
from pathlib import Path
from typing import Any

from wickie.aws import FunctionClients
from wickie.registration.observer import observe

_log = logging.getLogger("wickie")
_log.setLevel(logging.INFO)
_clients = functools.cache(lambda: FunctionClients(os.environ))
_SETTINGS = Path(__file__).parent.parent / "settings.json"  # put into the zip by the stack


def lambda_handler(event: dict[str, Any], context: object) -> None:
    """Tell Prefect of each, or raise: what raises is in the queue again after a while."""
    settings = json.loads(_SETTINGS.read_text())
    for record in event["Records"]:
        _log.info(json.dumps(observe(record, settings, _clients().secrets_manager)))
