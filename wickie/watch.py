"""How the secrets of a stage stand, in numbers an alarm can be set on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wickie.asking import asking
from wickie.errors import Error
from wickie.metrics import OVERDUE, STUCK, UNREADABLE, Metric
from wickie.status import describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_secretsmanager import SecretsManagerClient

_METRICS: Final = {"overdue": OVERDUE, "stuck": STUCK, "unreadable": UNREADABLE}


def standing(
    secrets_manager: SecretsManagerClient, secrets: Iterable[str]
) -> tuple[tuple[Metric, ...], dict[str, list[str]]]:
    """
    Count the secrets that need a person, and name them.

    A secret that cannot be asked about is counted as such: silence would look like health.
    """
    named: dict[str, list[str]] = {result: [] for result in _METRICS}
    for secret in secrets:
        result = _result(secrets_manager, secret)
        if result in named:
            named[result].append(secret)
    metrics = tuple(Metric(_METRICS[result], len(names)) for result, names in named.items())
    return metrics, named


def _result(secrets_manager: SecretsManagerClient, secret: str) -> str:
    try:
        with asking(f"secret {secret}"):
            return describe(secrets_manager, secret, "").result
    except Error:
        return "unreadable"
