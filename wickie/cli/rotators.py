"""docs/rotators.md, written from the registries: `python -m wickie.cli.rotators`."""

from __future__ import annotations

import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from wickie.cli.markdown import codes, head, row
from wickie.providers.registry import ENGINES
from wickie.rotation.strategies import STRATEGIES, find_strategy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TEMPLATE: Final = "rotators.md"
"""Beside this module: the page's prose, with a marker where each table goes."""

_OLD_CREDENTIAL: Final[Mapping[str, str]] = {
    "single-user": "dies as the new one is set; clients fail until they re-read the secret",
    "alternating-users": "works until the next rotation",
    "dual-password": "works until it is retired, or the next rotation",
    "dual-key": "works until it is retired, or the next rotation",
}
_WITHOUT_OVERLAP: Final = frozenset({"single-user"})


def page() -> str:
    """The whole page, ending in a newline."""
    text = files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return text.replace("<!-- engines -->", "\n".join(_engines())).replace(
        "<!-- strategies -->", "\n".join(_strategies())
    )


def _engines() -> Iterator[str]:
    yield from head("engine", "strategies", "overlap", "options", "IAM permissions", "verified by")
    for name, engine in ENGINES.items():
        overlapping = [s for s in engine.strategies if s not in _WITHOUT_OVERLAP]
        options = [codes([option]) for option in engine.options]
        yield row(
            f"`{name}`",
            codes(engine.strategies),
            codes(overlapping),
            ", ".join([*options, *(f"`{name}` (optional)" for name in engine.optional)]),
            _permissions(engine.permissions),
            engine.verified_against,
        )


def _strategies() -> Iterator[str]:
    yield from head("strategy", "what it does", "the old credential")
    for name in STRATEGIES:
        first = (find_strategy(name).__doc__ or "").strip().splitlines()[0]
        yield row(f"`{name}`", first, _OLD_CREDENTIAL[name])


def _permissions(granted: Mapping[str, str]) -> str:
    """Each ARN once, with the actions on it."""
    return "; ".join(
        f"{codes(action for action, on in granted.items() if on == arn)} on `{arn}`"
        for arn in dict.fromkeys(granted.values())
    )


if __name__ == "__main__":
    sys.stdout.write(page())
