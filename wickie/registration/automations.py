"""Automations: runs whose container died unheard, that crashed, failed, or are late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wickie.registration.manifest import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_KINDS: Final = ("silent", "crashed", "notify")
_SILENT_AFTER: Final = 600
"""Seconds; a flow run gives a sign of life every 180."""


def names(stage: str) -> list[str]:
    """
    What the automations of a stage may be called.

    They begin with the stage's work pool, as others share the workspace.
    """
    return [f"wickie-{stage}-{kind}" for kind in _KINDS]


def automations(
    stage: str, deployments: Sequence[str], notified: str | None
) -> Iterator[Mapping[str, Any]]:
    """What Prefect does by itself about runs of `deployments`, each `flow/name`."""
    silent, crashed, notify = names(stage)
    yield {
        "name": silent,
        "description": "A run whose container died unheard is crashed, not running for ever.",
        "enabled": True,
        # https://docs.prefect.io/v3/advanced/detect-zombie-flows
        "trigger": _runs(
            deployments,
            posture="Proactive",
            after=["prefect.flow-run.heartbeat"],
            expect=["prefect.flow-run.*"],
            within=_SILENT_AFTER,
        ),
        "actions": [
            {
                "type": "change-flow-run-state",
                "state": "CRASHED",
                "message": f"No sign of life for {_SILENT_AFTER} s: its container is gone.",
            }
        ],
    }
    # Not upkeep's own: it would start itself anew for ever.
    upkeep = f"upkeep/{stage}"
    others = [name for name in deployments if name != upkeep]
    if len(others) < len(deployments):
        yield {
            "name": crashed,
            "description": "What was cut short may have left a rotation half done: upkeep ends it.",
            "enabled": True,
            "trigger": _runs(
                others,
                posture="Reactive",
                expect=["prefect.flow-run.Crashed", "prefect.flow-run.Cancelled"],
            ),
            "actions": [
                {
                    "type": "run-deployment",
                    "source": "selected",
                    "deployment_id": {REFERENCE: f"deployment/{upkeep}"},
                }
            ],
        }
    if notified:
        yield _notification(notify, stage, deployments, notified)


def _notification(
    name: str, stage: str, deployments: Sequence[str], block: str
) -> Mapping[str, Any]:
    amiss = [f"prefect.flow-run.{state}" for state in ("Crashed", "Failed", "Late")]
    return {
        "name": name,
        "description": "Runs that crashed, failed or are late are told to a person.",
        "enabled": True,
        "trigger": _runs(deployments, posture="Reactive", expect=amiss),
        "actions": [
            {
                "type": "send-notification",
                "block_document_id": {REFERENCE: f"block/{block}"},
                "subject": f"wickie {stage}: {{{{ flow.name }}}} {{{{ flow_run.state.name }}}}",
                "body": "{{ flow_run.name }}: {{ flow_run.state.message }}\n{{ flow_run|ui_url }}",
            }
        ],
    }


def _runs(deployments: Sequence[str], within: int = 0, **trigger: Any) -> Mapping[str, Any]:
    return {
        "type": "event",
        "match": {"prefect.resource.id": "prefect.flow-run.*"},
        "match_related": {
            "prefect.resource.role": "deployment",
            "prefect.resource.id": [
                {REFERENCE: f"deployment/{name}", "prefix": "prefect.deployment."}
                for name in deployments
            ],
        },
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
        "within": within,
        **trigger,
    }
