"""The only module that makes AWS clients."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import botocore.session
from botocore.config import Config
from botocore.credentials import (
    CredentialProvider,
    CredentialResolver,
    DeferredRefreshableCredentials,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import boto3
    from botocore.credentials import Credentials
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_iam import IAMClient
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_secretsmanager import SecretsManagerClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

    from wickie.credentials import AccessKey

# As many connections as a run over a fleet has workers; botocore would close those beyond 10.
_CONFIG = Config(
    retries={"mode": "standard"}, connect_timeout=5, read_timeout=60, max_pool_connections=64
)


class _Session:
    """
    As much of `boto3.Session` as is used here. Its clients are botocore's, as that one's are.

    Importing boto3 takes a function's start a tenth longer, for resources and transfers.
    """

    def __init__(self, session: Any = None) -> None:
        session = session or botocore.session.get_session()
        self.client = session.create_client
        self.get_credentials = session.get_credentials
        self.region_name = session.get_config_variable("region")


class Clients:
    """The AWS clients of one account and region, each made on first use."""

    def __init__(self, session: boto3.Session | None = None) -> None:
        self._session = session or cast("boto3.Session", _Session())
        self._services: dict[str, Any] = {}
        self._making = threading.Lock()

    @property
    def region(self) -> str:
        """The region these clients act in."""
        return self._session.region_name

    def service(self, name: str) -> Any:
        """A client of any service, by boto3's name for it."""
        with self._making:  # sessions are not for several threads at once
            if name not in self._services:
                self._services[name] = self._session.client(name, config=_CONFIG)  # type: ignore[call-overload]  # boto3's stubs have a literal for each
            return self._services[name]

    def elsewhere(
        self, region: str, role: str | None = None, external_id: str | None = None
    ) -> Clients:
        """Clients of another region, and of another account by a role of its that is assumed."""
        core: Any = botocore.session.get_session()
        core.set_config_variable("region", region)
        provider = _Given(lambda: self._credentials(role, external_id))
        core.register_component("credential_provider", CredentialResolver([provider]))
        return Clients(cast("boto3.Session", _Session(core)))

    def signing(self) -> None:
        """Make sure that there are credentials to sign with. Raises what AWS or boto3 does."""
        if credentials := self._session.get_credentials():
            credentials.get_frozen_credentials()

    def _credentials(self, role: str | None, external_id: str | None) -> Credentials | None:
        """A role's are fetched when they are needed, and anew before they expire."""
        if role is None:
            return self._session.get_credentials()
        return DeferredRefreshableCredentials(
            refresh_using=lambda: self._assumed(role, external_id), method="assume-role"
        )

    def _assumed(self, role: str, external_id: str | None) -> Mapping[str, str]:
        asked = {"ExternalId": external_id} if external_id else {}
        reply = self.service("sts").assume_role(
            RoleArn=role, RoleSessionName="wickie-scan", **asked
        )["Credentials"]
        return {
            "access_key": reply["AccessKeyId"],
            "secret_key": reply["SecretAccessKey"],
            "token": reply["SessionToken"],
            "expiry_time": reply["Expiration"].isoformat(),
        }

    def sts_as(self, key: AccessKey) -> STSClient:
        """A client that signs with `key` and nothing else. Not kept: it holds the key."""
        return self._session.client(
            "sts",
            config=_CONFIG,
            aws_access_key_id=key.key_id,
            aws_secret_access_key=key.secret_key.reveal(),
        )

    @cached_property
    def secrets_manager(self) -> SecretsManagerClient:
        return self._session.client("secretsmanager", config=_CONFIG)

    @cached_property
    def kms(self) -> KMSClient:
        return self._session.client("kms", config=_CONFIG)

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self._session.client("dynamodb", config=_CONFIG)

    @cached_property
    def lambda_(self) -> LambdaClient:
        return self._session.client("lambda", config=_CONFIG)

    @cached_property
    def ecs(self) -> ECSClient:
        return self._session.client("ecs", config=_CONFIG)

    @cached_property
    def s3(self) -> S3Client:
        return self._session.client("s3", config=_CONFIG)

    @cached_property
    def ssm(self) -> SSMClient:
        return self._session.client("ssm", config=_CONFIG)

    @cached_property
    def iam(self) -> IAMClient:
        return self._session.client("iam", config=_CONFIG)

    @cached_property
    def rds(self) -> Any:
        return self._session.client("rds", config=_CONFIG)

    @cached_property
    def elasticache(self) -> Any:
        return self._session.client("elasticache", config=_CONFIG)

    @cached_property
    def memorydb(self) -> Any:
        return self._session.client("memorydb", config=_CONFIG)


class _Given(CredentialProvider):
    """Where a session has its credentials from, if not from the environment."""

    METHOD = "given"

    def __init__(self, credentials: Callable[[], Credentials | None]) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> Credentials | None:
        return self._credentials()
