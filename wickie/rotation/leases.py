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

from wickie.asking import Patience
from wickie.awsjson.errors import refusals, silences
from wickie.errors import ConfigError, Error, ProviderUnavailableError
from wickie.rotation.strategies import base_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import UniversalAttributeValueTypeDef

    from wickie.credentials import Credential

PERMISSIONS: Final = ("dynamodb:UpdateItem",)
"""On the fingerprint table. A lease is given back by emptying it, so that none may delete."""

_PATIENCE: Final = Patience(3)
"""With whoever has the lease: to retire a leaked value should not fail for a moment's sake."""
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
    patience: Patience = _PATIENCE
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
        self._take(user, secret, purpose)
        try:
            yield
        except Exception:  # whatever a driver raises; who is killed gives nothing back
            self.give_back(user, secret, purpose)
            raise
        if not go_on:
            self.give_back(user, secret, purpose)

    def keep(self, user: Credential, secret: str) -> None:
        """Write down that `user` is for `secret`, whoever it was for before."""
        self._update(
            user,
            "SET #keeper = :keeper, #expires = :expires",
            {":keeper": {"S": _name(secret)}, ":expires": self._in(_REMEMBERED_SECONDS)},
        )

    def give_back(self, user: Credential, secret: str, purpose: str) -> None:
        """End the lease of whoever was cut off, if that one has it still."""
        # Where this fails, or another has it by now, the lease ends or has ended by itself.
        with suppress(*refusals(), *silences()):
            self._update(
                user,
                "REMOVE #owner, #until",
                {":owner": {"S": f"{secret} {purpose}"}},
                condition="#owner = :owner",
            )

    def _take(self, user: Credential, secret: str, purpose: str) -> None:
        refusal = Error("nobody was asked")

        def taken() -> bool | None:
            nonlocal refusal
            found = self._tried(user, secret, purpose)
            if found is None:
                return True
            refusal = self._refusal(user, secret, found)
            return None if refusal.retryable else False

        if not self.patience.until(taken):
            raise refusal from None

    def _tried(self, user: Credential, secret: str, purpose: str) -> Any:
        """Take the lease; return None, or else the item of whoever is in the way."""
        try:
            self._update(
                user,
                "SET #owner = :owner, #until = :until, #expires = :expires",
                {
                    ":owner": {"S": f"{secret} {purpose}"},
                    ":until": self._in(self.seconds_left() + _MARGIN_SECONDS),
                    ":expires": self._in(_REMEMBERED_SECONDS),
                    ":now": self._in(0),
                    ":keeper": {"S": _name(secret)},
                },
                condition=f"{_FREE} AND {_OURS}",
            )
        except refusals() as error:
            if error.response["Error"].get("Code") != "ConditionalCheckFailedException":
                raise
            response: Any = error.response
            return response["Item"]
        return None

    def _refusal(self, user: Credential, secret: str, found: Any) -> Error:
        whom = f"{user.holder} at {user.place[1]}"
        keeper = found.get("keeper", {}).get("S", _name(secret))
        if keeper != _name(secret):
            return ConfigError(
                f"{whom} is for secret {keeper}, and a user of two secrets is locked out by one "
                f"of them: give {secret} a user of its own, or, if {keeper} is no more, run "
                f"wickie repair --yes --take-over {secret}"
            )
        owner, _, purpose = found["owner"]["S"].partition(" ")
        left = max(0, float(found["until"]["N"]) - self.now())
        return ProviderUnavailableError(
            f"{whom} is being changed for secret {owner} ({purpose}); "
            f"try again, in {left:.0f} s at the latest it is free"
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
