"""A secret that holds a key of an IAM user, its rotation function, and a function that dies."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from botocore.client import BaseClient

from bench.faults.fuse import Died
from bench.faults.standins.sts import Sts
from tests.rotation.conftest import SecretsManager
from wickie.credentials import AccessKey, Sensitive
from wickie.model import Verdict
from wickie.providers import Context, verify
from wickie.providers.iam import Iam

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Keys:
    """One IAM user, and the secret with its key. Keys that wickie does not know stand in it."""

    aws: SecretsManager
    sts: Sts
    user: str
    arn: str

    @classmethod
    def make(cls, aws: SecretsManager, sts: Sts, path: str = "/") -> Keys:
        user = f"app-{uuid.uuid4().hex[:8]}"
        aws.clients.iam.create_user(UserName=user, Path=path)
        options = {"user": path.lstrip("/") + user}
        settings = replace(
            aws.settings, engine="iam-access-key", strategy="dual-key", options=options
        )
        keys = cls(replace(aws, settings=settings), sts, user, "")
        return replace(keys, arn=keys.aws.store(json.dumps({**keys.create(), "team": "sea"})))

    def create(self) -> dict[str, str]:
        """A key made by hand, as IAM's reply has it."""
        key = self.aws.clients.iam.create_access_key(UserName=self.user)["AccessKey"]
        return {name: key[name] for name in ("AccessKeyId", "SecretAccessKey")}

    @property
    def iam(self) -> Iam:
        """The provider under test."""
        return Iam(Context(self.aws.clients, self.aws.settings.options))

    @property
    def ids(self) -> set[str]:
        return self.sts.ids(self.user)

    def text(self, label: str = "AWSCURRENT") -> str:
        version = self.aws.version(self.arn, label)
        reply = self.aws.client.get_secret_value(SecretId=self.arn, VersionId=version)
        return str(reply["SecretString"])

    def key(self, label: str = "AWSCURRENT") -> AccessKey:
        return AccessKey.parse(self.text(label), self.arn)

    def verdict(self, key: AccessKey) -> Verdict:
        return verify(self.iam, key)[0]

    def rotate(self, token: str | None = None) -> str:
        return self.aws.rotate(self.arn, token)

    def tags(self) -> dict[str, str]:
        tags = self.aws.clients.iam.list_user_tags(UserName=self.user)["Tags"]
        return {tag["Key"]: tag["Value"] for tag in tags}


def as_key(made: dict[str, str]) -> AccessKey:
    return AccessKey(made["AccessKeyId"], Sensitive(made["SecretAccessKey"]))


@contextmanager
def dying(after: int | str) -> Iterator[None]:
    """Die before the first call to AWS (0), once the n-th was answered, or the one so named."""
    calls: list[str] = []
    make = BaseClient._make_api_call

    def call(client: Any, operation: str, parameters: Any) -> Any:
        if after == 0:
            raise Died
        try:
            return make(client, operation, parameters)
        finally:
            calls.append(operation)
            if after in (len(calls), operation):
                raise Died

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BaseClient, "_make_api_call", call)
        yield
