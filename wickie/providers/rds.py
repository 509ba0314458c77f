"""An RDS instance or cluster, as the RDS API knows it and changes its master password."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.credentials import DatabaseLogin, Sensitive
    from wickie.providers import Context

_BUSY: Final = frozenset({"InvalidDBInstanceState", "InvalidDBClusterStateFault"})


@dataclass(frozen=True)
class Kind:
    """How the RDS API calls instances, or clusters."""

    prefix: str
    plural: str
    describe: str
    modify: str
    identifier: str


INSTANCE: Final = Kind(
    "db", "DBInstances", "describe_db_instances", "modify_db_instance", "DBInstanceIdentifier"
)
CLUSTER: Final = Kind(
    "cluster", "DBClusters", "describe_db_clusters", "modify_db_cluster", "DBClusterIdentifier"
)
KINDS: Final[Mapping[str, Kind]] = {kind.prefix: kind for kind in (INSTANCE, CLUSTER)}


@dataclass(frozen=True)
class Resource:
    """One instance or cluster."""

    rds: Any
    kind: Kind
    identifier: str

    @classmethod
    def of(cls, context: Context) -> Resource:
        """The one that `options` names."""
        kind, _, identifier = context.option("resource").partition(":")
        if kind not in KINDS or not identifier:
            raise ConfigError(
                "options.resource is neither db:<instance> nor cluster:<cluster>; write it as "
                "its ARN ends"
            )
        return cls(context.clients.rds, KINDS[kind], identifier)

    @property
    def name(self) -> str:
        return f"{self.kind.prefix}:{self.identifier}"

    def require(self, login: DatabaseLogin) -> bool:
        """
        Raise unless `login` is for the master user at this endpoint, and the password ours to set.

        Returns whether RDS has a new password that it is still to apply.
        """
        found = self._describe()
        if secret := found.get("MasterUserSecret"):
            raise ConfigError(
                f"RDS itself manages the master password of {self.name}, in {secret['SecretArn']}; "
                f"take this secret out of wickie.yaml, or turn ManageMasterUserPassword off"
            )
        if self.kind is INSTANCE and found.get("DBClusterIdentifier"):
            raise ConfigError(
                f"{self.name} belongs to a cluster, which has the master password; set "
                f"options.resource to cluster:{found['DBClusterIdentifier']}"
            )
        host, port = _endpoint(found)
        if (host.lower(), port) != (login.host.lower(), login.port):
            raise ProviderError(
                f"the secret is for {login.host}:{login.port} and {self.name} at {host}:{port}; "
                f"abandoned, correct host and port in the secret or options.resource"
            )
        if found["MasterUsername"] != login.username:
            raise ProviderError(
                f"the secret is for user {login.username} and the master user of {self.name} is "
                f"{found['MasterUsername']}; abandoned, correct username in the secret"
            )
        return "MasterUserPassword" in found.get("PendingModifiedValues", {})

    def modify(self, password: Sensitive) -> None:
        """Have RDS set the password, at once but asynchronously."""
        with self._errors():
            getattr(self.rds, self.kind.modify)(
                **{self.kind.identifier: self.identifier},
                MasterUserPassword=password.reveal(),
                ApplyImmediately=True,
            )

    def _describe(self) -> dict[str, Any]:
        with self._errors():
            reply = getattr(self.rds, self.kind.describe)(**{self.kind.identifier: self.identifier})
        found: dict[str, Any] = reply[self.kind.plural][0]
        return found

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response["Error"].get("Code", "")
            if "NotFound" in code:
                raise ConfigError(
                    f"RDS knows no {self.name} here; correct options.resource in wickie.yaml"
                ) from None
            if code in _BUSY:
                raise ProviderUnavailableError(
                    f"{self.name} is busy with another change ({code}); try again later"
                ) from None
            raise


def _endpoint(found: Mapping[str, Any]) -> tuple[str, int]:
    """A cluster's endpoint is a string, an instance's is not, and one being made has none."""
    endpoint = found.get("Endpoint") or ""
    if isinstance(endpoint, str):
        return endpoint, int(found.get("Port") or 0)
    return str(endpoint["Address"]), int(endpoint["Port"])
