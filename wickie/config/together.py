"""What of several managed secrets cannot be had together."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError
from wickie.naming import same_secret
from wickie.providers.registry import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wickie.config.secret import ManagedSecret


# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html: 500
# resources in a stack, one for each secret and some for each function. IAM's quotas: 10 policies of
# 6,144 characters for a role that names every secret by its ARN.
_MOST: Final = 400
_CHARACTERS: Final = 48_000
_BESIDE_THE_NAME: Final = 75


def check_secrets(secrets: Sequence[ManagedSecret]) -> None:
    """Raise `ConfigError` for two that are one, want the same or are of two places; for many."""
    arns = sum(
        len(s.name) + (0 if s.name.startswith("arn:") else _BESIDE_THE_NAME) for s in secrets
    )
    if len(secrets) > _MOST or arns > _CHARACTERS:
        raise ConfigError(
            f"{len(secrets)} secrets are more than fit one stage: {_MOST} schedules a stack holds, "
            f"and {_CHARACTERS} characters of ARNs a role's policies; divide them among stages"
        )
    for one, other in combinations(secrets, 2):
        if same_secret(one.name, other.name):
            raise ConfigError(f"{other.name} stands here twice; a secret has one strategy")
        if both := set(_holds(one)) & set(_holds(other)):
            raise ConfigError(
                f"{one.name} and {other.name} both rotate {both.pop()}, which honours two "
                f"credentials at most: each would end the other's; keep one of them"
            )
    places = {":".join(s.name.split(":")[:5]) for s in secrets if s.name.startswith("arn:")}
    if len(places) > 1:
        raise ConfigError(
            f"{' and '.join(sorted(places))}: a stage is of one account and region; write a "
            f"wickie.yaml for each"
        )


def _holds(secret: ManagedSecret) -> Iterable[str]:
    """What the options name that one secret alone may rotate, as its ARN ends."""
    for arn in set(ENGINES[secret.engine].permissions.values()):
        yield arn.rpartition("{account}:")[2].format_map(secret.options)
