"""From wickie.yaml, prefect.yaml and what is known of the flows to a manifest. Asks nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from wickie.errors import ConfigError
from wickie.registration.automations import automations
from wickie.registration.manifest import Manifest, limit_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.config import Config
    from wickie.config.prefect import Prefect

KNOWN_FLOWS: Final = Path(__file__).parent / "flows.json"
"""Written by `python -m flows.registered`."""
_VARIABLE: Final = re.compile(r"\{\{\s*\$(\w+)\s*\}\}")
_AS_THEY_ARE: Final = ("name", "description", "entrypoint", "enforce_parameter_schema", "tags")
_TRANSLATED: Final = ("schedules", "concurrency_limit", "parameters", "work_pool")
_POOL_TYPES: Final = {"cloud-push": "ecs:push", "self-hosted": "ecs"}


def build_manifest(config: Config, prefect_yaml: Path, known: Path = KNOWN_FLOWS) -> Manifest:
    """Raises `ConfigError` for a prefect.yaml that says what registration would leave out."""
    prefect = config.prefect
    if prefect is None:
        raise ConfigError("wickie.yaml names no Prefect API; say under prefect where it is")
    facts = json.loads(known.read_text())
    deployments = [
        _deployment(declared, facts["flows"], document["pull"])
        for document in [_read(prefect_yaml, _variables(config.stage, prefect))]
        for declared in document["deployments"]
    ]
    names = [f"{each['flow']}/{each['name']}" for each in deployments]
    _check_events(config, {each["flow"] for each in deployments})
    pusher = config.pusher
    return Manifest(
        stage=config.stage,
        pool_type=_POOL_TYPES[prefect.backend],
        base_job_template=facts["base_job_template"],
        deployments=deployments,
        automations=list(automations(config.stage, names, prefect.notify)),
        limits={limit_name(config.stage, a): n for a, n in config.scan.at_once.items()},
        credentials=pusher.options["user"] if pusher else None,
        notified=prefect.notify,
        filled={pusher.name: pusher.declared()} if pusher else {},
    )


def _check_events(config: Config, flows: set[str]) -> None:
    for event in config.events:
        if "/" not in event.deployment and event.deployment not in flows:
            raise ConfigError(
                f"events: {event.name}: no flow is called {event.deployment}; use one of "
                f"{', '.join(sorted(flows))}, or FLOW/NAME of your own"
            )


def _variables(stage: str, prefect: Prefect) -> Mapping[str, str]:
    return {
        "WICKIE_STAGE": stage,
        "WICKIE_HOME": prefect.home,
        "WICKIE_CONFIG": prefect.config,
    }


def _read(path: Path, variables: Mapping[str, str]) -> dict[str, Any]:
    """Read prefect.yaml with its variables filled in, as `prefect deploy` does."""
    try:
        text = path.read_text()
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}; run this in a checkout of wickie"
        ) from None
    if unknown := sorted({name for name in _VARIABLE.findall(text) if name not in variables}):
        raise ConfigError(
            f"{path}: registration knows no ${', $'.join(unknown)}; it knows {', '.join(variables)}"
        )
    document: dict[str, Any] = yaml.safe_load(
        _VARIABLE.sub(lambda match: variables[match.group(1)], text)
    )
    return document


def _deployment(
    declared: Mapping[str, Any], flows: Mapping[str, Any], pull: list[Any]
) -> dict[str, Any]:
    name = f"prefect.yaml: the deployment of {declared['entrypoint']}"
    if left_out := sorted(set(declared) - {*_AS_THEY_ARE, *_TRANSLATED}):
        raise ConfigError(
            f"{name}: registration does not know {', '.join(left_out)}; take it out, or use "
            f"prefect deploy"
        )
    if declared["entrypoint"] not in flows:
        raise ConfigError(f"{name} is new; run python -m flows.registered")
    flow = flows[declared["entrypoint"]]
    return {
        "enforce_parameter_schema": True,
        "tags": [],
        "description": None,
        **{key: declared[key] for key in _AS_THEY_ARE if key in declared},
        **_limited(declared.get("concurrency_limit")),
        "flow": flow["name"],
        "parameter_openapi_schema": flow["parameter_openapi_schema"],
        "parameters": declared.get("parameters", {}),
        "schedules": [_schedule(each) for each in declared.get("schedules", ())],
        "work_pool_name": declared["work_pool"]["name"],
        "job_variables": declared["work_pool"].get("job_variables", {}),
        "pull_steps": pull,
        "path": None,
    }


def _schedule(declared: Mapping[str, Any]) -> dict[str, Any]:
    schedule = {name: declared[name] for name in declared if name != "active"}
    return {"active": declared.get("active", True), "schedule": schedule}


def _limited(limit: int | Mapping[str, Any] | None) -> dict[str, Any]:
    if not isinstance(limit, dict):
        return {"concurrency_limit": limit, "concurrency_options": None}
    options = {name: value for name, value in limit.items() if name != "limit"}
    return {"concurrency_limit": limit["limit"], "concurrency_options": options or None}
