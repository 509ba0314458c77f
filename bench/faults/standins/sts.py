"""
The judgement that moto lacks: which access keys AWS honours, as STS sees IAM, some time late.

moto keeps users, keys and their last use rightly; but it honours any secret, keys that are
inactive, and every change at once. Here GetCallerIdentity verifies the signature (by botocore's
own signer) against the key as it stood `lag` seconds ago.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from moto.core.exceptions import InvalidClientTokenIdError, SignatureDoesNotMatchError
from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.iam import models
from moto.sts.responses import TokenResponse

from local.world import ACCOUNT

if TYPE_CHECKING:
    from datetime import timedelta

    import pytest


@dataclass
class Sts:
    """A stand-in for STS over moto's IAM."""

    lag: float = 0.0
    """Seconds until a change in IAM has come here."""
    reports: bool = True
    """Whether IAM tells of a use at once; else as late as it may, which is after the test."""
    refused: list[str] = field(default_factory=list)
    """Key ids of the sign-ins that were refused."""
    _changes: dict[str, list[tuple[float, str | None]]] = field(default_factory=dict)
    """By key id: from when on it is honoured with which secret key, or not at all."""

    @property
    def iam(self) -> Any:
        return models.iam_backends[ACCOUNT]["aws"]

    def key(self, key_id: str) -> Any:
        """What moto keeps of a key."""
        return self.iam.access_keys[key_id]

    def ids(self, user: str) -> set[str]:
        return {key.access_key_id for key in self.iam.list_access_keys(user)}

    def age(self, by: timedelta) -> None:
        """Let time pass: every key was made, and used, that much earlier."""
        for key in self.iam.access_keys.values():
            key.create_date -= by
            if key.last_used:
                key.last_used._timestamp -= by

    def settle(self) -> None:
        """Let every change so far have come here, whatever the lag of the next."""
        for past in self._changes.values():
            past[:] = [(-math.inf, past[-1][1])]

    def secret_of(self, key_id: str) -> str | None:
        """The secret key by which a key is honoured now; None if it is not."""
        due = [s for at, s in self._changes.get(key_id, []) if at + self.lag <= time.monotonic()]
        return due[-1] if due else None

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for name in ("create_access_key", "update_access_key", "delete_access_key"):
            self._watch(patch, name)

        def get_caller_identity(request: Any) -> ActionResult:
            return self._judge(request)

        patch.setattr(TokenResponse, "get_caller_identity", get_caller_identity)
        # moto counts a request that is refused as a use of the key.
        patch.setattr(models, "mark_account_as_visited", lambda **_: None)

    def _watch(self, patch: pytest.MonkeyPatch, name: str) -> None:
        change = getattr(models.IAMBackend, name)

        def changed(backend: Any, *args: Any, **more: Any) -> Any:
            reply = change(backend, *args, **more)
            self._note()
            return reply

        patch.setattr(models.IAMBackend, name, changed)

    def _note(self) -> None:
        honoured = {
            key.access_key_id: key.secret_access_key
            for key in self.iam.access_keys.values()
            if key.status == "Active"
        }
        for key_id in {*honoured, *self._changes}:
            past = self._changes.setdefault(key_id, [])
            if not past or past[-1][1] != honoured.get(key_id):
                past.append((time.monotonic(), honoured.get(key_id)))

    def _judge(self, request: Any) -> ActionResult:
        key_id = request.get_access_key()
        secret = self.secret_of(key_id)
        if secret is None or "X-Amz-Security-Token" in request.headers:
            self.refused.append(key_id)
            raise InvalidClientTokenIdError
        if _signature(request, key_id, secret) not in request.headers["Authorization"]:
            self.refused.append(key_id)
            raise SignatureDoesNotMatchError
        key = self.iam.access_keys.get(key_id)
        if key is None:  # deleted, and still honoured
            return ActionResult({"Arn": "arn:aws:iam::123456789012:user/of-a-deleted-key"})
        self.use(key_id, "sts")
        user = self.iam.get_user(key.user_name)
        return ActionResult({"Arn": user.arn, "UserId": user.id, "Account": ACCOUNT})

    def use(self, key_id: str, service: str) -> None:
        """Somebody uses a key."""
        if not self.reports:
            return
        used = models.AccessKeyLastUsed(utcnow(), service, "us-east-1")
        self.key(key_id).last_used = used


def _signature(request: Any, key_id: str, secret: str) -> str:
    """What the request's signature has to be."""
    authorization = request.headers["Authorization"]
    signed = authorization.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    region = authorization.partition("Credential=")[2].split("/")[2]
    again = AWSRequest(
        method="POST",
        url=request.uri,
        data=urlencode({name: value[0] for name, value in request.querystring.items()}),
        headers={k: v for k, v in request.headers.items() if k.lower() in signed},
    )
    again.context["timestamp"] = request.headers["X-Amz-Date"]
    auth = SigV4Auth(Credentials(key_id, secret), "sts", region)
    text = auth.string_to_sign(again, auth.canonical_request(again))
    return f"Signature={auth.signature(text, again)}"
