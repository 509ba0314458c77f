"""
Starts a run of a Prefect deployment for an event: the dispatch function's work.

An event may arrive more than once, and Prefect makes one run of it: by its id, which EventBridge
keeps when it delivers again.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError
from wickie.prefect import server_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_secretsmanager import SecretsManagerClient

    from wickie.prefect import PrefectServer

QUEUE_PERMISSIONS: Final = (
    "sqs:DeleteMessage",
    "sqs:GetQueueAttributes",
    "sqs:ReceiveMessage",
)
"""By which Lambda, in the name of the function, takes messages from its queue."""

_PATH: Final = re.compile(r"\$((?:\.[\w-]+|\['[^']+'\]|\[\d+\])*)")
_STEP: Final = re.compile(r"\.([\w-]+)|\['([^']+)'\]|\[(\d+)\]")


@dataclass(frozen=True)
class Start:
    """A deployment, and its runs' parameters; what is a path is taken from the event."""

    deployment: str
    """Flow, slash, deployment: of the flows here, the stage."""
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def parameters_of(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Fill them in. Raises `ConfigError` where the event has nothing at a path."""
        return {name: _value(event, name, given) for name, given in self.parameters.items()}


def check_path(value: object) -> None:
    """Raise `ConfigError` for a text that is meant to be a path, and is none."""
    if isinstance(value, str) and value.startswith("$") and not _PATH.fullmatch(value):
        raise ConfigError(f"{value} is no path; write $.detail.key, $.list[0] or $['a key']")


def started(event: Mapping[str, Any], name: str, start: Start, server: PrefectServer) -> str:
    """Start the run for this event, unless it has one; returns its id."""
    found = server.get(f"/deployments/name/{start.deployment}")
    if found is None:
        raise ConfigError(
            f"{server.name} has no deployment {start.deployment}; register it, or correct events"
        )
    run = server.post(
        f"/deployments/{found['id']}/create_flow_run",
        {
            "parameters": start.parameters_of(event),
            # Prefect tells keys of one flow apart, and stages share an account's bus.
            "idempotency_key": f"{start.deployment}:{name}:{event['id']}",
            "tags": ["event", name],
            "state": {"type": "SCHEDULED"},
        },
    )
    return str(run["id"])


def dispatch(
    record: Mapping[str, Any], settings: Mapping[str, Any], secrets_manager: SecretsManagerClient
) -> dict[str, str]:
    """
    Start the run for one message of the queue: the event, and the name of the rule it matched.

    Settings are what the stack puts beside the code: `api_url`, `keys` (the secrets that hold
    `api_key` and `auth_string`, or none), and `starts`.
    """
    message = json.loads(record["body"])
    event, name = message["event"], message["name"]
    if name not in settings["starts"]:
        raise ConfigError(f"nothing is started for {name} any more; delete the message")
    server = server_of(settings, secrets_manager)
    run = started(event, name, Start(**settings["starts"][name]), server)
    return {"event": event["id"], "name": name, "run": run}


def _value(event: Mapping[str, Any], name: str, given: Any) -> Any:
    if not isinstance(given, str) or not (path := _PATH.fullmatch(given)):
        return given
    found: Any = event
    for key, quoted, index in _STEP.findall(path[1]):
        try:
            found = found[int(index)] if index else found[key or quoted]
        except (KeyError, IndexError, TypeError):
            raise ConfigError(
                f"the event has nothing at {given} for {name}; correct events"
            ) from None
    return found
