"""What a rotation function does beside the four steps, by the name it is asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError
from wickie.rotation import lifecycle
from wickie.rotation.repair import YOUNG, RepairRequest, repair
from wickie.rotation.settlement import GRACE, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.model import Answer
    from wickie.rotation.driver import Rotation

    Event = Mapping[str, str]
    Action = Callable[[Rotation[Any], Event], Answer]


def act(rotation: Rotation[Any], event: Event) -> Answer:
    """Carry out the action that `event` names. Raises `ConfigError` for one there is not."""
    action = event["Action"]
    if action not in ACTIONS:
        raise ConfigError(f"no action {action!r}; use one of {', '.join(sorted(ACTIONS))}")
    rotation.require_time(action)
    return ACTIONS[action](rotation, event)


def _on_version(act_on: Callable[[Rotation[Any], str], Answer]) -> Action:
    """An action on the version in `VersionId`, else on the one in use."""

    def action(rotation: Rotation[Any], event: Event) -> Answer:
        version_id = event.get("VersionId") or rotation.secret.versions().current()
        return act_on(rotation, version_id)

    return action


def _settle(rotation: Rotation[Any], event: Event) -> Answer:
    return settle(rotation, _seconds(event, "GraceSeconds", GRACE))


def _repair(rotation: Rotation[Any], event: Event) -> Answer:
    request = RepairRequest(
        dry=event.get("DryRun") == "true",
        restore=event.get("Restore") == "true",
        older_than=_seconds(event, "OlderThanSeconds", YOUNG),
    )
    return repair(rotation, request)


def _seconds(event: Event, name: str, default: timedelta) -> timedelta:
    try:
        seconds = float(event.get(name, default.total_seconds()))
    except (TypeError, ValueError):
        raise ConfigError(f"{name} of the event is no number of seconds; correct it") from None
    return timedelta(seconds=seconds)


ACTIONS: Final[Mapping[str, Action]] = {
    "verify": _on_version(lifecycle.verify),
    "retire": _on_version(lifecycle.retire),
    "restore": _on_version(lifecycle.restore),
    "take-over": _on_version(lifecycle.take_over),
    "settle": _settle,
    "repair": _repair,
}
