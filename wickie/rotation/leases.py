"""
One at a time: who changes a user of some system, and which secret that user is for.

Secrets Manager runs one rotation of a secret at a time, and knows nothing of another secret for
the same user. Two kinds of exclusion stand in one item of the fingerprint table, by a digest of
the system and the user, where two users who take turns are one:

* A lease, held from setSecret to finishSecret and by every action that changes the target.
* A keeper: the secret whose value was promoted last. With users who take turns both secrets would
  find their own AWSCURRENT honoured, and each would overwrite the password the other gives out.

A server known by two host names is two systems here.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from wickie.errors import ConfigError, ProviderUnavailableError
from wickie.rotation.strategies import base_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import UniversalAttributeValueTypeDef

    from wickie.credentials import Credential

PERMISSIONS: Final = ("dynamodb:UpdateItem",)
"""On the fingerprint table. A lease is given back by emptying it, so that none may delete."""

_MARGIN_SECONDS: Final = 15
_REMEMBERED_SECONDS: Final = 400 * 24 * 3600
"""Beyond a rotation every year, after which who kept the user is forgotten."""
# `owner` and `until` are words that DynamoDB keeps for itself.
_NAMES: Final = {"#owner": "owner", "#until": "until", "#keeper": "keeper", "#expires": "expires"}
_FREE: Final = "(attribute_not_exists(#owner) OR #owner = :owner OR #until < :now)"
_OURS: Final = "(attribute_not_exists(#keeper) OR #keeper = :keeper)"


@dataclass(frozen=True)
class Leases:
    """Where the functions of a stage agree on who goes first."""

    dynamodb: DynamoDBClient = field(repr=False)
    table: str
    seconds_left: Callable[[], float]
    """Until this function is cut off; the lease lasts a little longer, and then frees itself."""
    now: Callable[[], float] = time.time

    @contextmanager
    def held(
        self, user: Credential, secret: str, purpose: str, *, go_on: bool = False
    ) -> Iterator[None]:
        """
        Keep all others off `user` meanwhile; with `go_on` beyond the end, unless it fails.

        `secret` is an ARN. Whoever comes again with the same secret and purpose is let in.

        Raises:
            ProviderUnavailableError: somebody else is at it; told who, and until when.
            ConfigError: the user is kept by another secret.
        """
        owner = f"{secret} {purpose}"
        self._take(user, secret, owner)
        try:
            yield
        except Exception:
            self._give_back(user, owner)
            raise
        if not go_on:
            self._give_back(user, owner)

    def keep(self, user: Credential, secret: str) -> None:
        """Write down that `user` is for `secret`, whoever it was for before."""
        self._update(
            user,
            "SET #keeper = :keeper, #expires = :expires",
            {":keeper": {"S": _name(secret)}, ":expires": self._in(_REMEMBERED_SECONDS)},
        )

    def _take(self, user: Credential, secret: str, owner: str) -> None:
        try:
            self._update(
                user,
                "SET #owner = :owner, #until = :until, #expires = :expires",
                {
                    ":owner": {"S": owner},
                    ":until": self._in(self.seconds_left() + _MARGIN_SECONDS),
                    ":expires": self._in(_REMEMBERED_SECONDS),
                    ":now": self._in(0),
                    ":keeper": {"S": _name(secret)},
                },
                condition=f"{_FREE} AND {_OURS}",
            )
        except ClientError as error:
            if error.response["Error"].get("Code") != "ConditionalCheckFailedException":
                raise
            self._refuse(user, secret, error.response)

    def _refuse(self, user: Credential, secret: str, response: Any) -> None:
        found = response["Item"]
        whom = f"{user.holder} at {user.place[1]}"
        keeper = found.get("keeper", {}).get("S", _name(secret))
        if keeper != _name(secret):
            raise ConfigError(
                f"{whom} is for secret {keeper}, and a user of two secrets is locked out by one "
                f"of them: give {secret} a user of its own, or, if {keeper} is no more, run "
                f"wickie repair --take-over {secret}"
            ) from None
        owner, _, purpose = found["owner"]["S"].partition(" ")
        left = max(0, float(found["until"]["N"]) - self.now())
        raise ProviderUnavailableError(
            f"{whom} is being changed for secret {owner} ({purpose}); "
            f"try again, in {left:.0f} s at the latest it is free"
        ) from None

    def _give_back(self, user: Credential, owner: str) -> None:
        # Where this fails, or another has it by now, the lease ends or has ended by itself.
        with suppress(ClientError, BotoCoreError):
            self._update(
                user, "REMOVE #owner, #until", {":owner": {"S": owner}}, condition="#owner = :owner"
            )

    def _update(
        self,
        user: Credential,
        expression: str,
        values: Mapping[str, UniversalAttributeValueTypeDef],
        condition: str = "",
    ) -> None:
        said = f"{expression} {condition}"
        options: Any = {
            "ConditionExpression": condition,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        self.dynamodb.update_item(
            TableName=self.table,
            Key={"secret": {"S": _identity(user)}, "version": {"S": "lease"}},
            UpdateExpression=expression,
            ExpressionAttributeNames={n: name for n, name in _NAMES.items() if n in said},
            ExpressionAttributeValues=values,
            **(options if condition else {}),
        )

    def _in(self, seconds: float) -> UniversalAttributeValueTypeDef:
        return {"N": f"{self.now() + seconds:.0f}"}


def _identity(user: Credential) -> str:
    place = [str(part).lower() for part in user.place]
    text = json.dumps([*place, base_of(user.holder)])
    return f"lock#{hashlib.sha256(text.encode()).hexdigest()}"


def _name(arn: str) -> str:
    """An ARN without its random end: a secret that is made anew is still the same one."""
    return re.sub(r"-\w{6}$", "", arn)
