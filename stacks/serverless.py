"""What of cdk-nag's Serverless rules stands, with the reason why; see `acknowledgements`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.constructs.rotation_function import groups

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.config import Config

Entry = tuple[str, str, str]
"""A construct's path, the rule, and the reason."""


def accepted(config: Config) -> Iterator[Entry]:
    """Every finding in the stacks of `config`."""
    rotation, work_pool, observability = (
        f"Wickie{name}-{config.stage}" for name in ("Rotation", "WorkPool", "Observability")
    )
    for group in groups(config):
        path = f"{rotation}/{group.name}/Function"
        yield _untraced(path)
        yield _no_dead_letters(
            path,
            "Secrets Manager starts a failed rotation again by itself, keeps its state in the "
            "secret's labels and tells the topic of alarms; there is no event to keep.",
        )
    if any(secret.dependents for secret in config.secrets):
        path = f"{rotation}/Refresh"
        yield _untraced(f"{path}/Function")
        yield _no_dead_letters(
            f"{path}/Function",
            "Lambda tries a failed refresh twice more. A dependent's tag says which version it "
            "was refreshed to, so whoever refreshes next sees what was missed.",
        )
        yield _undelivered(f"{path}/Rotated")
    yield from _of_prefect(config, work_pool)
    yield _untraced(f"{observability}/Watch/Function")
    yield _no_dead_letters(
        f"{observability}/Watch/Function",
        "It counts what is there; the next hour's run says all that a lost one would have said.",
    )
    yield _undelivered(observability)
    yield _undelivered(f"{work_pool}/TaskEvents/Rule")
    yield (
        f"{work_pool}/TaskEvents/Undelivered",
        "Serverless::Serverless-SQSRedrivePolicy",
        "This is the queue that takes what the other one could not have delivered.",
    )
    for address in config.alarms.email:
        yield (
            f"{observability}/Alarms/{address}",
            "Serverless::Serverless-SNSRedrivePolicy",
            "SNS itself retries a mail for hours; the alarm stays red until somebody has seen it.",
        )


def _of_prefect(config: Config, work_pool: str) -> Iterator[Entry]:
    """Of what tells Prefect, and asks it."""
    told = [f"WickieRegistration-{config.stage}/Register"] if config.prefect else []
    for path in [*told, *([f"{work_pool}/Pusher/FirstKey"] if config.pusher else [])]:
        yield _untraced(f"{path}/Function")
        yield _no_dead_letters(
            f"{path}/Function",
            "CloudFormation asks it and waits for its answer: a failure is the deployment's, and "
            "the next deployment asks again.",
        )
    if config.pusher:
        yield from _asked_by_a_queue(f"WickieRegistration-{config.stage}/Observe")
    if config.events:
        yield from _asked_by_a_queue(f"WickieResponse-{config.stage}/Dispatch")
        yield (
            f"WickieResponse-{config.stage}/Undelivered",
            "Serverless::Serverless-SQSRedrivePolicy",
            "This is the queue that takes what could not be done, and waits for a person.",
        )


def _asked_by_a_queue(path: str) -> Iterator[Entry]:
    yield _untraced(f"{path}/Function")
    yield _no_dead_letters(
        f"{path}/Function",
        "A queue asks it, which keeps what it could not do and gives up on it in a queue of its "
        "own.",
    )
    yield (
        f"{path}/Source",
        "Serverless::Serverless-LambdaEventSourceMappingDestination",
        "A destination is of streams; of a queue, what fails goes back into it.",
    )


def _untraced(path: str) -> Entry:
    reason = (
        "X-Ray is paid for by the trace and needs its daemon asked; durations and failures of "
        "each step are metrics in the function's own log."
    )
    return path, "Serverless::Serverless-LambdaTracing", reason


def _no_dead_letters(path: str, reason: str) -> Entry:
    return path, "Serverless::Serverless-LambdaDLQ", reason


def _undelivered(path: str) -> Entry:
    reason = (
        "EventBridge tries a target for 24 hours. It and the target are of one account and "
        "region, and the target is deleted together with the rule."
    )
    return path, "Serverless::Serverless-EventBusDLQ", reason
