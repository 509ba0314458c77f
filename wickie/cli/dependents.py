"""`wickie status --dependents`: who uses what, as wickie.yaml says and as AWS shows."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import typer
from rich.text import Text
from rich.tree import Tree

from wickie.aws import Clients
from wickie.cli.consoles import results
from wickie.cli.failures import complain, explain, warn
from wickie.config import load_config
from wickie.model import to_jsonable
from wickie.report.terminal import plain
from wickie.rotation.dependents.registry import open_dependent
from wickie.rotation.discovery import arn_of, discover, identity

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wickie.config import ManagedSecret
    from wickie.rotation.discovery import Use

_MARKS: Final[Mapping[tuple[bool, bool], tuple[str, str]]] = {
    (True, True): ("declared, discovered", "green"),
    (True, False): ("declared", "dim"),
    (False, True): ("discovered, not declared: add it to dependents in wickie.yaml", "yellow"),
}


@dataclass(frozen=True)
class SecretUser:
    """Something that uses a secret, and how that is known."""

    kind: str
    name: str
    declared: bool
    discovered: bool


@dataclass(frozen=True)
class UsedSecret:
    """A secret and all who are known to use it."""

    name: str
    arn: str
    dependents: tuple[SecretUser, ...]


def run(config_path: Path, output: Literal["table", "json"]) -> int:
    """Look who uses each secret; return the exit code. What cannot be looked at is told."""
    config = load_config(config_path)
    clients = Clients()
    arns: dict[str, str] = {}
    failed: list[tuple[str, str]] = []
    for secret in config.secrets:
        try:
            arns[secret.name] = arn_of(clients, secret.name)
        except Exception as error:  # noqa: BLE001  (the other secrets are still to be shown)
            complain(error)
            failed.append((secret.name, explain(error)))
    found = discover(clients, arns.values())
    for gap in found.gaps:
        warn(f"not looked at: {gap.uri}: {gap.reason}")
    used = [
        UsedSecret(secret.name, arn, _users(secret, arn, found.uses, clients))
        for secret in config.secrets
        if (arn := arns.get(secret.name))
    ]
    if output == "json":
        errors = [{"name": name, "error": error} for name, error in failed]
        document = {"secrets": used, "gaps": found.gaps, "errors": errors}
        typer.echo(json.dumps(to_jsonable(document), indent=2))
    else:
        for tree in map(_tree, used):
            results().print(tree)
    return 1 if failed or found.gaps else 0


def _users(
    secret: ManagedSecret, arn: str, uses: Sequence[Use], clients: Clients
) -> tuple[SecretUser, ...]:
    """Those that wickie.yaml declares, in its order, then those that it lacks."""
    seen = {identity(use.entry): use.entry for use in uses if use.secret == arn}
    declared = {identity(entry): entry for entry in secret.declared()}
    return tuple(
        SecretUser(
            entry["kind"],
            open_dependent(arn, entry, clients).name,
            declared=key in declared,
            discovered=key in seen,
        )
        for key, entry in (declared | seen).items()
    )


def _tree(secret: UsedSecret) -> Tree:
    tree = Tree(plain(secret.name, "bold"))
    if not secret.dependents:
        tree.add(Text("nobody declared, nobody found", style="dim"))
    for user in secret.dependents:
        mark, style = _MARKS[user.declared, user.discovered]
        tree.add(Text.assemble(plain(user.name), "  ", (mark, style)))
    return tree
