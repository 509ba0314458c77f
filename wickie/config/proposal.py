"""A wickie.yaml for what an account holds; what cannot be known stands there as a question."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from wickie.providers.registry import ENGINES
from wickie.rotation import rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from wickie.rotation.inventory import FoundSecret, Inventory

_OURS: Final = re.compile(r":function:wickie-[a-z0-9-]+-rotate-")
_PLAIN: Final = re.compile(r"[A-Za-z/][\w/+.-]*", re.ASCII)
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def left_out(secret: FoundSecret) -> str | None:
    """Why wickie cannot rotate it, if it cannot."""
    if secret.owner:
        return f"{secret.owner} manages it, and rotates it itself"
    if secret.primary_region:
        return f"it is a replica; rotate it in {secret.primary_region}"
    return None


def taken(inventory: Inventory, patterns: Sequence[str]) -> list[FoundSecret]:
    """Those of the secrets that wickie can rotate whose name fits a pattern, as `shop/*`."""
    return [
        secret
        for secret in inventory.secrets
        if not left_out(secret) and any(fnmatchcase(secret.name, each) for each in patterns)
    ]


def question(secret: FoundSecret) -> str | None:
    """What only a person can answer, before it may rotate."""
    if secret.function and not _OURS.search(secret.function):
        return f"{secret.function.rpartition(':')[2]} rotates it now; is wickie to take over?"
    if not secret.engines:
        return "which engine honours it? docs/rotators.md lists them"
    if len(secret.engines) > 1:
        return f"which engine honours it: {' or '.join(secret.engines)}?"
    engine = ENGINES[secret.engines[0]]
    options = secret.system.options if secret.system else {}
    if missing := [name for name in engine.options if name not in options]:
        return f"which {' and '.join(missing)} of {secret.engines[0]} is it?"
    if engine.place == "vpc":
        return "it is reached from within its VPC alone: fill in network first"
    return None


def write(
    stage: str,
    place: str,
    inventory: Inventory,
    secrets: Sequence[FoundSecret],
    emails: Sequence[str],
) -> str:
    """The text of the file, which `load_config` accepts as it stands."""
    lines = [
        "# yaml-language-server: $schema=docs/wickie.schema.json",
        f"# Written by wickie init for {place}. What stands in comments is yours to decide;",
        "# wickie.example.yaml explains every key, wickie config check says whether it is valid.",
        "",
        f"stage: {_scalar(stage)}",
        "",
        *_secrets(secrets),
        *_omitted(inventory, secrets),
        "",
        *_SCAN,
        "",
        *_network(secrets),
        "alarms: # each address confirms a mail from AWS first",
        f"  email: {_flow(emails)}",
        "",
        "image: wickie:latest # the flows' container image: push yours, and name it by digest",
    ]
    return "\n".join(lines) + "\n"


def _secrets(secrets: Sequence[FoundSecret]) -> Iterator[str]:
    sure = [secret for secret in secrets if not question(secret)]
    yield "secrets:" if sure else "secrets: [] # without [] once an entry below is no comment"
    for secret in sure:
        yield from _entry(secret)
    for secret in secrets:
        if asked := question(secret):
            yield f"  # {secret.name}: {asked}"
            yield from (f"  # {line[2:]}" for line in _entry(secret))


def _entry(secret: FoundSecret) -> Iterator[str]:
    engine = secret.engines[0] if len(secret.engines) == 1 else None
    strategies = ENGINES[engine].strategies if engine else ()
    why = secret.system.title if secret.system else "by its name, description or tags"
    yield f"  - name: {_scalar(secret.name)}"
    yield f"    engine: {engine} # {why}" if engine else "    engine: ?"
    yield f"    strategy: {strategies[0] if strategies else '?'}{_others(strategies[1:])}"
    if options := _options(secret, engine):
        yield f"    options: {{{', '.join(options)}}}"
    yield from _schedule(secret)
    if secret.key and not secret.key.startswith("alias/aws/"):
        yield "    # A key of yours encrypts it: its policy must let the rotation function decrypt."
    if secret.dependents:
        yield "    dependents: # as far as AWS shows who uses it"
    for dependent in secret.dependents:
        yield f"      - {{{', '.join(f'{key}: {_scalar(v)}' for key, v in dependent.items())}}}"


def _others(strategies: Sequence[str]) -> str:
    """Those that leave the old credential alone for a while need an administrator."""
    return f" # or {' or '.join(strategies)}: see docs/rotators.md" if strategies else ""


def _options(secret: FoundSecret, engine: str | None) -> list[str]:
    known = secret.system.options if secret.system else {}
    names = ENGINES[engine].options if engine else ()
    return [f"{name}: {_scalar(known[name]) if name in known else '?'}" for name in names]


def _schedule(secret: FoundSecret) -> Iterator[str]:
    """The one that it has, if that can be kept."""
    days, expression = (
        secret.rules.get(key) for key in ("AutomaticallyAfterDays", "ScheduleExpression")
    )
    kept = expression or (f"rate({days} day{'s'[: days > 1]})" if days else None)
    try:
        rules.of(kept or "")
    except ValueError:
        yield "    schedule: rate(30 days)"
    else:
        yield f"    schedule: {kept} # as until now"


def _omitted(inventory: Inventory, secrets: Iterable[FoundSecret]) -> Iterator[str]:
    names = {secret.name for secret in secrets}
    for secret in inventory.secrets:
        if secret.name not in names:
            yield f"  # {secret.name} is left out: {left_out(secret) or 'it was not asked for'}"


_SCAN: Final = (
    "scan: # where secrets may leak; docs/sources.md lists all kinds",
    "  targets:",
    "    - kind: lambda-environment",
    "    - kind: ecs-task-definition",
    "    # - {kind: s3, bucket: your-logs} # which buckets hold logs or exports?",
)


def _network(secrets: Sequence[FoundSecret]) -> Iterator[str]:
    """Whether the way is there cannot be known, so the found network stands as a question."""
    inside = [s.system for s in secrets if s.system and s.system.private and s.system.network]
    if not inside:
        return
    titles = ", ".join(dict.fromkeys(system.title for system in inside))
    yield f"# {titles}: without a public address."
    yield "# Do these subnets reach Secrets Manager, KMS and DynamoDB, by endpoints or NAT? Does"
    yield "# the security group let itself in? Then have rotation functions run there:"
    for network in {json.dumps(system.network): system.network for system in inside}.values():
        yield "# network:"
        for key, value in network.items():
            yield f"#   {key}: {value if isinstance(value, str) else _flow(value)}"
    yield ""


def _flow(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_scalar, values))}]"


def _scalar(text: Any) -> str:
    """As YAML reads it back: a name may look like a number."""
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return text if plain else json.dumps(text)
