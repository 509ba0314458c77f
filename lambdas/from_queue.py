"""A function that a queue asks and that tells Prefect: each message is acted on, or comes again."""

from __future__ import annotations

import functools
import json
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wickie.aws import FunctionClients

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient

    Act = Callable[[Mapping[str, Any], Mapping[str, Any], SecretsManagerClient], Mapping[str, Any]]

_log = logging.getLogger("wickie")
_log.setLevel(logging.INFO)
_clients = functools.cache(lambda: FunctionClients(os.environ))
_SETTINGS = Path(__file__).parent.parent / "settings.json"  # put into the zip by the stack


def each_message(act: Act) -> Callable[[dict[str, Any], object], None]:
    """Make a handler that acts on each message and logs what `act` says that it did."""

    def handle(event: dict[str, Any], context: object) -> None:
        settings = json.loads(_SETTINGS.read_text())
        for record in event["Records"]:
            _log.info(json.dumps(act(record, settings, _clients().secrets_manager)))

    return handle
