"""Access keys of IAM users: moto makes them, stand-ins for STS and SES honour them."""

from __future__ import annotations

import json
import tempfile
import uuid
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench.faults.aws import new_clients
from bench.faults.standins.smtp import SmtpServer, derived
from bench.faults.standins.sts import Sts
from local.world import REGION

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DAY = timedelta(days=1)


class KeysArena:
    """Users with a key each, by which STS knows them."""

    options: Mapping[str, str] = {}
    id_key = "AccessKeyId"

    def __init__(self, sts: Sts) -> None:
        self._sts = sts
        self._iam = new_clients().iam
        self._users: dict[str, str] = {}

    def secret(self) -> str:
        """See `Arena`."""
        user = f"app-{uuid.uuid4().hex[:12]}"
        self._iam.create_user(UserName=user)
        made = self._iam.create_access_key(UserName=user)["AccessKey"]
        return json.dumps(
            {"user": user, **self._told(made["AccessKeyId"], made["SecretAccessKey"])}
        )

    def honours(self, value: str) -> bool:
        """See `Arena`. It does not count as a use of the key."""
        key = json.loads(value)
        return self._sts.secret_of(key["AccessKeyId"]) == str(key["SecretAccessKey"])

    def settings(self, value: str) -> Mapping[str, Any]:
        """See `Configured`. Each secret says in a key of its own whom it is for."""
        return {"options": {"user": json.loads(value)["user"]}}

    def strays(self, values: Sequence[str]) -> list[str]:
        """See `Counted`."""
        held = [json.loads(value) for value in values]
        return sorted(self._sts.ids(held[0]["user"]) - {key[self.id_key] for key in held})

    def make_room(self, values: Sequence[str]) -> None:
        """See `Crowded`."""
        user = json.loads(values[0])["user"]
        for key_id in self.strays(values):
            self._iam.delete_access_key(UserName=user, AccessKeyId=key_id)

    def let_pass(self) -> None:
        """See `Crowded`."""
        self._sts.age(_DAY)

    def _told(self, key_id: str, secret_key: str) -> dict[str, Any]:
        return {"AccessKeyId": key_id, "SecretAccessKey": secret_key}


class SmtpArena(KeysArena):
    """Users with a key each, from which SES's password is computed."""

    id_key = "username"

    def __init__(self, sts: Sts, smtp: SmtpServer) -> None:
        super().__init__(sts)
        self._smtp = smtp

    def honours(self, value: str) -> bool:
        """See `Arena`."""
        login = json.loads(value)
        return self._smtp.verdict(login["username"], login["password"]).startswith(b"235")

    def settings(self, value: str) -> Mapping[str, Any]:
        """See `Configured`."""
        return {**super().settings(value), "ca_bundle": str(self._smtp.ca)}

    def _told(self, key_id: str, secret_key: str) -> dict[str, Any]:
        where = {"host": "localhost", "port": self._smtp.port}
        return {**where, "username": key_id, "password": derived(secret_key, REGION)}


@contextmanager
def access_keys() -> Iterator[KeysArena]:
    """An IAM whose every change shows at once, and which tells of no use: that takes it hours."""
    with pytest.MonkeyPatch.context() as patch:
        sts = Sts(reports=False)
        sts.install(patch)
        yield KeysArena(sts)


@contextmanager
def smtp_passwords() -> Iterator[SmtpArena]:
    """The same, asked over SMTP with STARTTLS."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as scratch:
        sts = Sts()
        sts.install(patch)
        with SmtpServer(sts.secret_of, REGION, Path(scratch)) as smtp:
            yield SmtpArena(sts, smtp)
