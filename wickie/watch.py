"""How the secrets of a stage stand, in numbers an alarm can be set on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wickie.asking import asking
from wickie.errors import Error
from wickie.metrics import HONEYTOKENS_USED, OVERDUE, STUCK, UNREADABLE, Metric
from wickie.status import describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_iam import IAMClient
    from mypy_boto3_secretsmanager import SecretsManagerClient

HONEYTOKEN_PERMISSIONS: Final = ("iam:GetAccessKeyLastUsed", "iam:ListAccessKeys")
"""On the users of honeytokens that are access keys."""

_METRICS: Final = {
    "overdue": OVERDUE,
    "stuck": STUCK,
    "unreadable": UNREADABLE,
    "used": HONEYTOKENS_USED,
}


def standing(
    secrets_manager: SecretsManagerClient,
    secrets: Iterable[str],
    iam: IAMClient,
    honeytokens: Mapping[str, str],
) -> tuple[tuple[Metric, ...], dict[str, list[str]]]:
    """
    Count the secrets that need a person, and name them.

    A secret that cannot be asked about is counted as such: silence would look like health.

    Args:
        secrets_manager: Knows how they stand.
        secrets: Names of those that rotate.
        iam: Knows when keys were used.
        honeytokens: Names of those that are access keys, and their users.
    """
    named: dict[str, list[str]] = {result: [] for result in _METRICS}
    results = {secret: _result(secrets_manager, secret) for secret in secrets}
    results |= {name: _use(iam, name, user) for name, user in honeytokens.items()}
    for secret, result in results.items():
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


def _use(iam: IAMClient, name: str, user: str) -> str:
    """Whether a key that nobody may use ever was: IAM tells some hours later, and for good."""
    try:
        with asking(f"honeytoken {name}"):
            listed = iam.list_access_keys(UserName=user.rpartition("/")[2])["AccessKeyMetadata"]
            uses = [
                iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
                for key in listed
            ]
    except Error:
        return "unreadable"
    if not uses:
        return "unreadable"
    return "used" if any(use.get("LastUsedDate") for use in uses) else "unused"
