"""`wickie trigger`: a run of a deployment of Prefect's, and with `--wait` what became of it."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import typer

from wickie.asking import Patience
from wickie.aws import Clients
from wickie.cli.consoles import progress
from wickie.cli.failures import printable, warn
from wickie.config import load_config
from wickie.errors import ConfigError, Error, ProviderUnavailableError
from wickie.https import authorization
from wickie.prefect import PrefectServer, read_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

_ENVIRONMENT: Final = os.environ  # noqa: TID251  (an edge)
_ENDS: Final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
_PATIENCE: Final = Patience(60, first=0.5, longest=10)
_PAUSE: Final = 5.0
_INTERRUPTED: Final = 130
"""What a shell says of a program that SIGINT ended."""


def run(deployment: str, parameters: Sequence[str], config: Path, wait: timedelta | None) -> int:
    """Start a run; return the exit code: 0 once it is started, or has completed if waited for."""
    given = dict(_parameter(each) for each in parameters)
    server = _server(config)
    found = server.get(f"/deployments/name/{deployment}")
    if found is None:
        raise ConfigError(f"{server.name} has no deployment {deployment}; correct FLOW/NAME")
    body = {
        "parameters": given,
        "state": {"type": "SCHEDULED"},
        "tags": ["wickie trigger"],
        "idempotency_key": str(uuid4()),  # a request whose answer was lost is sent again
    }
    created = server.post(f"/deployments/{found['id']}/create_flow_run", body)
    if wait is None:
        typer.echo(f"started {created['name']} ({created['id']})")
        return 0
    named = f"{created['name']} ({created['id']})"
    try:
        with progress().status(f"waiting for {named}"):
            state = _ended(server, created["id"], time.monotonic() + wait.total_seconds())
    except KeyboardInterrupt:
        warn(f"no longer waiting for {named}; it goes on: to end it, cancel it in Prefect")
        return _INTERRUPTED
    typer.echo(printable(f"{named}: {state['name']}: {state.get('message') or ''}"))
    return 0 if state["type"] == "COMPLETED" else 1


def _ended(server: PrefectServer, run_id: str, deadline: float) -> Mapping[str, Any]:
    """The last state; a server that is away for a while is waited for."""
    while True:
        try:
            state: Mapping[str, Any] = server.get(f"/flow_runs/{run_id}")["state"]
        except ProviderUnavailableError:
            if time.monotonic() > deadline:
                raise
        else:
            if state["type"] in _ENDS:
                return state
            if time.monotonic() > deadline:
                raise Error(
                    f"flow run {run_id} is {state['name'].lower()} still; it goes on: wait longer "
                    f"with --timeout, or look at it in Prefect"
                )
        time.sleep(min(_PAUSE, max(deadline - time.monotonic(), 0.1)))


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ConfigError(f"--param {text} is no name=value")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _server(path: Path) -> PrefectServer:
    """The one that Prefect's own variables name, else that of wickie.yaml."""
    if url := _ENVIRONMENT.get("PREFECT_API_URL"):
        header = authorization(
            _ENVIRONMENT.get("PREFECT_API_KEY"), _ENVIRONMENT.get("PREFECT_API_AUTH_STRING")
        )
        return PrefectServer(url.rstrip("/"), header, patience=_PATIENCE)
    prefect = load_config(path).prefect
    if prefect is None:
        raise ConfigError(
            f"nobody says where Prefect is; set PREFECT_API_URL, or prefect in {path}"
        )
    manager, keys = Clients().secrets_manager, (prefect.api_key_secret, prefect.auth_string_secret)
    header = authorization(*(read_key(manager, key).text if key else None for key in keys))
    return PrefectServer(prefect.api_url.rstrip("/"), header, patience=_PATIENCE)
