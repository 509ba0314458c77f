"""
What of a managed secret's settings can be had together, before anything is deployed.

Each check is named after the setting that is at fault, and sees the settings declared before it;
one that was itself refused is not among them.
"""

from __future__ import annotations

import pkgutil
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError
from wickie.providers.registry import ENGINES
from wickie.rotation import rules
from wickie.rotation.passwords import PasswordsOf
from wickie.rotation.strategies import WITH_MASTER, WITH_OVERLAP, WITH_PASSWORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Settings = Mapping[str, Any]

_USUAL_GRACE: Final = timedelta(hours=24)
_HOUR: Final = timedelta(hours=1)


def usual_grace(settings: Settings) -> timedelta:
    """How long an old credential stays where nothing is said: a day, or half a short period."""
    if settings.get("strategy") not in WITH_OVERLAP or "schedule" not in settings:
        return timedelta()
    return min(_USUAL_GRACE, rules.of(settings["schedule"]).period / 2)


def _options(options: Mapping[str, str], settings: Settings) -> None:
    engine = ENGINES.get(settings.get("engine", ""))
    for name, check in engine.optional.items() if engine else ():
        if name in options:
            pkgutil.resolve_name(check)(options[name])


def _passwords(passwords: Any, settings: Settings) -> None:
    strategy = settings.get("strategy")
    if strategy and strategy not in WITH_PASSWORDS:
        raise ConfigError(f"{strategy} draws no password, the engine makes the key; take them out")
    if engine := ENGINES.get(settings.get("engine", "")):
        PasswordsOf(engine, passwords.given).policy()


def _master(master: str | None, settings: Settings) -> None:
    strategy = settings.get("strategy")
    if master and strategy and strategy not in WITH_MASTER:
        raise ConfigError(f"{strategy} signs in as no administrator; take master out")
    if master and master == settings.get("name"):
        raise ConfigError("the secret is its own administrator's; name another one")


def _window(window: timedelta | None, settings: Settings) -> None:
    if window is None:
        return
    if window < _HOUR or window % _HOUR:
        raise ConfigError("window must be whole hours, as Secrets Manager wants it: 1h, 2h, …")
    if "schedule" not in settings:
        return
    longest = rules.of(settings["schedule"]).longest
    if window > longest * _HOUR:
        raise ConfigError(
            f"a window reaches neither into the next one nor into the next day (UTC): with this "
            f"schedule it is {longest}h at most"
        )


def _grace(grace: timedelta, settings: Settings) -> None:
    strategy = settings.get("strategy")
    if grace and strategy and strategy not in WITH_OVERLAP:
        raise ConfigError(
            f"{strategy} has no overlap: the old credential ends as the new one is set; take "
            f"grace out"
        )
    if not grace and strategy == "dual-key":
        raise ConfigError(
            "without a grace the old key ends in the first night, whoever still uses it; two keys "
            "are there to overlap: give 1h or more, or leave it out for the usual one"
        )
    if "schedule" not in settings:
        return
    period = rules.of(settings["schedule"]).period
    if grace >= period:
        raise ConfigError(
            f"grace must be shorter than the {period // _HOUR}h after which the next rotation may "
            f"come and end the old credential"
        )


def _dependents(dependents: tuple[Any, ...], settings: Settings) -> None:
    del settings
    if twice := {str(one) for one in dependents if dependents.count(one) > 1}:
        raise ConfigError(f"{'; '.join(sorted(twice))}: stands here twice")


CHECKS: Final[Mapping[str, Callable[[Any, Settings], None]]] = {
    "options": _options,
    "passwords": _passwords,
    "master": _master,
    "window": _window,
    "grace": _grace,
    "dependents": _dependents,
}
"""Raise `ConfigError` for a value of the setting of that name, given those before it."""
