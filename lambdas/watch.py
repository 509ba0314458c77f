"""Watch function: EventBridge invokes it by the hour to count secrets that need a person."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from wickie.aws import Clients
from wickie.metrics import embedded
from wickie.watch import standing

_WATCHED = Path(__file__).parent.parent / "watched.json"  # put into the zip by the stack


def lambda_handler(event: dict[str, Any], context: object) -> None:
    """Log how the stage's secrets stand, as metrics; the alarms are set on these."""
    stage = os.environ["WICKIE_STAGE"]
    clients, watched = Clients(), json.loads(_WATCHED.read_text())
    metrics, named = standing(
        clients.secrets_manager, watched["secrets"], clients.iam, watched["honeytokens"]
    )
    print(embedded(metrics, {"stage": stage, **named}))
