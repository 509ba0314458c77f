"""What may stand under `events` in wickie.yaml; docs/events.md explains it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from wickie.config.section import Section, told_by_pydantic
from wickie.dispatch import Start, check_path


def _possible(parameters: dict[str, Any]) -> dict[str, Any]:
    for value in parameters.values():
        told_by_pydantic(lambda value=value: check_path(value))  # type: ignore[misc]  # each its own
    return parameters


class EventRule(Section):
    """Which events start which deployment."""

    name: str = Field(pattern=r"^[a-z][a-z0-9-]{0,30}$", description="yours, each once")
    pattern: dict[str, Any] = Field(min_length=1, description="EventBridge's, on the default bus")
    deployment: str = Field(
        pattern=r"^[^/]+(/[^/]+)?$",
        description="a flow of this stage, as rotate; of others: flow, slash, deployment",
    )
    parameters: Annotated[dict[str, Any], AfterValidator(_possible)] = Field(
        default={}, description="of the flow; $.detail.x is what stands there in the event"
    )

    def start(self, stage: str) -> Start:
        """What it starts in this stage."""
        name = self.deployment if "/" in self.deployment else f"{self.deployment}/{stage}"
        return Start(name, self.parameters)
