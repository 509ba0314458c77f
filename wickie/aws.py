"""
The only module that makes AWS clients.

Botocore is imported when one of its own is asked for, and not before: it takes longer than all else
that a function's start does.
"""

from __future__ import annotations

import threading
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, cast

from wickie.awsjson import open_client
from wickie.awsjson.endpoints import region_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import boto3
    from botocore.config import Config
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


@cache
def _config() -> Config:
    from botocore.config import Config  # noqa: PLC0415

    # As many connections as a run over a fleet has workers; botocore would close those beyond 10.
    return Config(
        retries={"mode": "standard"}, connect_timeout=5, read_timeout=60, max_pool_connections=64
    )


@cache
def _impatient(seconds: float) -> Config:
    from botocore.config import Config  # noqa: PLC0415

    return Config(retries={"total_max_attempts": 1}, connect_timeout=seconds, read_timeout=seconds)


class _Session:
    """
    As much of `boto3.Session` as is used here. Its clients are botocore's, as that one's are.

    Importing boto3 takes a function's start a tenth longer, for resources and transfers.
    """

    def __init__(self, session: Any) -> None:
        self.client = session.create_client
        self.get_credentials = session.get_credentials
        self.region_name = session.get_config_variable("region")


def of_botocore(session: Any) -> boto3.Session:
    """Take one of botocore's sessions for one of boto3's."""
    return cast("boto3.Session", _Session(session))


class Clients:
    """The AWS clients of one account and region, each made on first use."""

    def __init__(self, session: boto3.Session | None = None) -> None:
        self._given = session
        self._services: dict[str, Any] = {}
        self._making = threading.Lock()

    @cached_property
    def session(self) -> boto3.Session:
        """What makes the clients, and has their credentials."""
        from botocore.session import get_session  # noqa: PLC0415

        return self._given or of_botocore(get_session())

    @property
    def region(self) -> str:
        """The region these clients act in."""
        return self.session.region_name

    def service(self, name: str) -> Any:
        """A client of any service, by boto3's name for it."""
        with self._making:  # sessions are not for several threads at once
            if name not in self._services:
                self._services[name] = self.session.client(name, config=_config())  # type: ignore[call-overload]  # boto3's stubs have a literal for each
            return self._services[name]

    def sts_as(self, key: AccessKey, seconds: float | None = None) -> STSClient:
        """
        A client that signs with `key` and nothing else. Not kept: it holds the key.

        With `seconds` it asks once, and waits no longer for an answer.
        """
        return self.session.client(
            "sts",
            config=_impatient(seconds) if seconds else _config(),
            aws_access_key_id=key.key_id,
            aws_secret_access_key=key.secret_key.reveal(),
        )

    @cached_property
    def secrets_manager(self) -> SecretsManagerClient:
        return self.session.client("secretsmanager", config=_config())

    @cached_property
    def kms(self) -> KMSClient:
        return self.session.client("kms", config=_config())

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        return self.session.client("dynamodb", config=_config())

    @cached_property
    def lambda_(self) -> LambdaClient:
        return self.session.client("lambda", config=_config())

    @cached_property
    def ecs(self) -> ECSClient:
        return self.session.client("ecs", config=_config())

    @cached_property
    def s3(self) -> S3Client:
        return self.session.client("s3", config=_config())

    @cached_property
    def ssm(self) -> SSMClient:
        return self.session.client("ssm", config=_config())

    @cached_property
    def iam(self) -> IAMClient:
        return self.session.client("iam", config=_config())

    @cached_property
    def rds(self) -> Any:
        return self.session.client("rds", config=_config())

    @cached_property
    def elasticache(self) -> Any:
        return self.session.client("elasticache", config=_config())

    @cached_property
    def memorydb(self) -> Any:
        return self.session.client("memorydb", config=_config())


class FunctionClients(Clients):
    """
    The clients of a function, by the environment that Lambda gives it.

    What a rotation asks of every secret is asked without botocore, unless the environment says
    more of how to reach it than `wickie.awsjson` understands.
    """

    def __init__(
        self, environment: Mapping[str, str], session: boto3.Session | None = None
    ) -> None:
        super().__init__(session)
        self._environment = environment

    @property
    def region(self) -> str:
        """The region these clients act in."""
        return region_of(self._environment) or super().region

    @cached_property
    def secrets_manager(self) -> SecretsManagerClient:
        light: Any = open_client("secretsmanager", self._environment)
        return light or super().secrets_manager

    @cached_property
    def kms(self) -> KMSClient:
        light: Any = open_client("kms", self._environment)
        return light or super().kms

    @cached_property
    def dynamodb(self) -> DynamoDBClient:
        light: Any = open_client("dynamodb", self._environment)
        return light or super().dynamodb
