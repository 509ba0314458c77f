"""`wickie rollback`: plans by a report's findings, carried out or undone by a file of plans."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import TypeAdapter, ValidationError
from rich.box import SIMPLE_HEAD
from rich.table import Table

from wickie.aws import Clients
from wickie.cli.consoles import progress
from wickie.cli.rotate import Told
from wickie.cli.writing import write
from wickie.config import load_config
from wickie.config.rollback import policy_for
from wickie.errors import ConfigError
from wickie.model import to_jsonable
from wickie.report.terminal import plain
from wickie.response.action import Outcome, OutcomeState, Plan
from wickie.response.runner import carry_out, planned, take_back
from wickie.vulnerabilities.finding import Vulnerability

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

Format = Literal["table", "json"]

_STYLES: Final[Mapping[OutcomeState, str]] = {
    OutcomeState.DONE: "green",
    OutcomeState.PLANNED: "",
}


def plan(report: Path, config_path: Path, output: Format, file: Path | None) -> int:
    """Plan every rollback that the report's findings call for; return the exit code."""
    policies = load_config(config_path).vulnerabilities.rollback
    if not policies:
        raise ConfigError(f"{config_path} has nothing to roll back; add vulnerabilities.rollback")
    findings, clients, told = _findings(report), Clients(), Told(progress())
    outcomes: list[Outcome] = []
    for policy in policies:
        action = policy.action(clients, findings)
        found = planned(action, told)
        if isinstance(found, Plan):
            found = carry_out(action, found, dry_run=True)
        if found:
            outcomes.append(found)
    _write(outcomes, output, file, "nothing to roll back")
    return 0 if all(each.state is OutcomeState.PLANNED for each in outcomes) else 1


def apply(plans: Path, config_path: Path, output: Format, file: Path | None) -> int:
    """Carry out every plan of a file; return the exit code."""
    return _each(plans, config_path, output, file, carry_out)


def undo(plans: Path, config_path: Path, output: Format, file: Path | None) -> int:
    """Undo every plan of a file; return the exit code."""
    return _each(plans, config_path, output, file, take_back)


def _each(plans: Path, config_path: Path, output: Format, file: Path | None, do: Any) -> int:
    """One after the other; that one fails does not keep the next from being done."""
    policies = load_config(config_path).vulnerabilities.rollback
    clients, told = Clients(), Told(progress())
    wanted = [(policy_for(plan, policies, clients), plan) for plan in _plans(plans)]
    outcomes = [do(policy.action(clients), plan, told) for policy, plan in wanted]
    _write(outcomes, output, file, f"{plans} holds no plan")
    return 0 if all(each.state is OutcomeState.DONE for each in outcomes) else 1


def _findings(path: Path) -> list[Vulnerability]:
    try:
        document = _read(path)["scan"]["findings"]
        return TypeAdapter(list[Vulnerability]).validate_python(document)
    except (ValidationError, KeyError, TypeError):
        raise ConfigError(
            f"{path} is no report of a scan for vulnerabilities; write one with "
            f"wickie vulnerabilities --format json --output {path}"
        ) from None


def _plans(path: Path) -> list[Plan]:
    try:
        documents = [each["plan"] for each in _read(path)["rollbacks"]]
    except (KeyError, TypeError):
        raise ConfigError(
            f"{path} holds no plans; write them with wickie rollback plan --format json"
        ) from None
    return [Plan.parse(document) for document in documents if document]


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"cannot read {path} as JSON ({type(error).__name__})") from None


def _write(outcomes: Sequence[Outcome], output: Format, file: Path | None, none: str) -> None:
    document = {"rollbacks": to_jsonable(list(outcomes))}
    render = (lambda: json.dumps(document, indent=2) + "\n") if output == "json" else None
    write(render, partial(_print, outcomes, none), file)


def _print(outcomes: Sequence[Outcome], none: str, console: Console) -> None:
    table = Table("Target", "Rollback", "What", "Why", box=SIMPLE_HEAD)
    for each in outcomes:
        state = plain(each.state.replace("_", " ").lower(), _STYLES.get(each.state, "red"))
        why = each.plan.reason if each.plan else ""
        table.add_row(plain(each.target), state, plain(each.detail), plain(why))
    console.print(table if outcomes else none)
