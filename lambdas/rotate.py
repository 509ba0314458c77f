"""Rotation function: Secrets Manager invokes it once per step, wickie's flows for an action."""

from __future__ import annotations

import functools
import os
from typing import Any

from wickie.aws import FunctionClients
from wickie.metrics import Invocation
from wickie.rotation.registry import RotationSettings, respond

# Making them costs more than a warm step; their keys are read at each call.
_clients = functools.cache(lambda: FunctionClients(os.environ))


def lambda_handler(event: dict[str, str], context: Any) -> dict[str, str] | None:
    """Carry out one step or action, or raise: Secrets Manager retries what raises."""
    stage, engine = (os.environ.get(f"WICKIE_{name}", "") for name in ("STAGE", "ENGINE"))
    invocation = Invocation(stage, engine, event, print)
    return invocation.told(
        lambda: respond(
            event,
            RotationSettings.of(os.environ),
            _clients(),
            lambda: context.get_remaining_time_in_millis() / 1000,
        )
    )
