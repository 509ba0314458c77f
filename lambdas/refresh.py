"""Refresh function: EventBridge invokes it when Secrets Manager has rotated a secret."""

from __future__ import annotations

import functools
import json
import logging
from pathlib import Path
from typing import Any

from wickie.aws import Clients
from wickie.model import to_jsonable
from wickie.rotation.refresh import refresh_dependents

_log = logging.getLogger("wickie")
_log.setLevel(logging.INFO)
_clients = functools.cache(Clients)
_DEPENDENTS = Path(__file__).parent.parent / "dependents.json"  # put into the zip by the stack


def lambda_handler(event: dict[str, Any], context: object) -> None:
    """Refresh the secret's dependents, or raise: EventBridge tries again what raises."""
    secret = event["detail"]["additionalEventData"]["SecretId"]
    outcomes = refresh_dependents(secret, json.loads(_DEPENDENTS.read_text()), _clients())
    _log.info(json.dumps({"SecretId": secret, "dependents": to_jsonable(outcomes)}))
