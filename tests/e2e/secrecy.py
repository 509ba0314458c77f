"""The ways by which a principal might read a secret's value, tried on the policies deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from local.recording import Call
from local.world import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from local.policies.deployed import Account

_VIA: Final = ("secretsmanager", "ssm")


def ways(secrets: list[str], keys: list[str]) -> Iterator[tuple[str, str, str | None]]:
    """Each action, what it would be asked for on, and the service that a key is used by."""
    yield "secretsmanager:BatchGetSecretValue", "*", None
    for arn in secrets:
        yield "secretsmanager:GetSecretValue", arn, None
    for key in keys:
        for via in _VIA:
            for action in ("kms:Decrypt", "kms:ReEncryptFrom", "kms:CreateGrant"):
                yield action, key, f"{via}.{REGION}.amazonaws.com"
    # Whoever may change these may let itself in.
    for arn in secrets:
        yield "secretsmanager:PutResourcePolicy", arn, None
    yield "iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/*", None
    yield "lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*", None


def readable(account: Account, principal: str, secrets: list[str], keys: list[str]) -> list[str]:
    """The ways that stand open to `principal`; `keys` are the account's."""
    return [
        f"{action} on {resource}"
        for action, resource, via in ways(secrets, keys)
        if account.decide(_call(principal, action, resource, via)).allowed
    ]


def _call(principal: str, action: str, resource: str, via: str | None) -> Call:
    keys = {"aws:requestedregion": (REGION,), "aws:securetransport": ("true",)}
    context = keys | ({"kms:viaservice": (via,)} if via else {})
    return Call(principal, "", action, action, resource, tuple(context.items()))
