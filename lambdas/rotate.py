"""Rotation function: Secrets Manager invokes it once per step, wickie's flows for an action."""

from __future__ import annotations

import functools
import json
import logging
import os
import time
from typing import Any

from wickie.aws import Clients
from wickie.rotation.registry import RotationSettings, respond

_log = logging.getLogger("wickie")
_log.setLevel(logging.INFO)
_clients = functools.cache(Clients)  # making them costs more than a warm step


def lambda_handler(event: dict[str, str], context: Any) -> dict[str, str] | None:
    """Carry out one step or action, or raise: Secrets Manager retries what raises."""
    started = time.monotonic()
    settings = RotationSettings.of(os.environ)
    answer = respond(
        event, settings, _clients(), lambda: context.get_remaining_time_in_millis() / 1000
    )
    shown = {name: event.get(name) for name in ("Step", "Action", "SecretId", "VersionId")}
    shown |= {"version": event.get("ClientRequestToken"), "state": (answer or {}).get("state")}
    _log.info(json.dumps({**shown, "milliseconds": round((time.monotonic() - started) * 1000)}))
    return answer
