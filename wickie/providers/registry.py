"""Which systems there are, by the name wickie.yaml gives them as `engine`."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wickie.providers import Context


@dataclass(frozen=True)
class Engine:
    """One system: where its provider is, and how its secrets may rotate."""

    provider: str
    """`module:class`, so that a function imports the drivers of its own engine only."""
    strategies: tuple[str, ...]
    drivers: tuple[str, ...] = ()
    """Distributions that the provider's module imports and Lambda's runtime lacks, in Python."""
    native: tuple[str, ...] = ()
    """Those that hold compiled code which they cannot do without."""
    opens: tuple[str, ...] = ()
    """Other engines whose providers it opens, by their names here."""
    options: tuple[str, ...] = ()
    """What `options` in wickie.yaml must give."""
    optional: Mapping[str, str] = field(default_factory=dict)
    """What they may give beside, and the `module:function` that raises `ConfigError` about it."""
    longest: int = 128
    """Characters that its passwords may have."""
    forbidden: str = ""
    """Symbols that its passwords may not have, however they are quoted."""
    permissions: Mapping[str, str] = field(default_factory=dict)
    """IAM action to the ARN it is granted on, with {partition}, {region}, {account}, {option}."""
    conditions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """IAM action to what it is granted under, as a policy has it."""
    place: Literal["anywhere", "vpc", "aws"] = "anywhere"
    """Where the system is: where its secret says, in a VPC at any rate, or AWS's own API."""
    verified_against: str = ""
    """What judged its tests: a real server, or a stand-in, and then of what kind."""

    def open(self, context: Context) -> Any:
        """Make the provider."""
        return pkgutil.resolve_name(self.provider)(context)


_PG8000: Final = ("pg8000", "scramp", "asn1crypto")
ISSUING_TAG: Final = "wickie:issuing"
"""The one tag of an IAM user that is wickie's to set."""
_OWN_TAG: Final = {
    "iam:TagUser": {
        "ForAllValues:StringEquals": {"aws:TagKeys": [ISSUING_TAG]},
        "Null": {"aws:TagKeys": "false"},  # for all of none is true
    }
}
_ACCESS_KEYS: Final = dict.fromkeys(
    (
        "iam:CreateAccessKey",
        "iam:DeleteAccessKey",
        "iam:GetAccessKeyLastUsed",
        "iam:ListAccessKeys",
        "iam:ListUserTags",
        "iam:TagUser",
        "iam:UpdateAccessKey",
    ),
    "arn:{partition}:iam::{account}:user/{user}",
)

_REDIS: Final = Engine(
    "wickie.providers.redis:Redis",
    ("dual-password",),
    verified_against="Valkey 9.1 from a wheel; Redis 7.0 with TLS",
)

ENGINES: Final[Mapping[str, Engine]] = {
    "postgres": Engine(
        "wickie.providers.postgres:Postgres",
        ("single-user", "alternating-users"),
        drivers=_PG8000,
        verified_against="PostgreSQL 15 with TLS; 16 and 18 from wheels",
    ),
    "iam-access-key": Engine(
        "wickie.providers.iam:Iam",
        ("dual-key",),
        options=("user",),
        permissions=_ACCESS_KEYS,
        conditions=_OWN_TAG,
        place="aws",
        verified_against="moto's IAM, judged by a stand-in for STS that checks SigV4; not AWS",
    ),
    "http-api": Engine(
        "wickie.providers.http_api:HttpApi",
        ("dual-key",),
        verified_against="servers that speak the APIs as documented; not the vendors'",
    ),
    "ses-smtp": Engine(
        "wickie.providers.ses_smtp:SesSmtp",
        ("dual-key",),
        options=("user",),
        permissions=_ACCESS_KEYS,
        conditions=_OWN_TAG,
        place="aws",
        verified_against="moto's IAM, judged by an SMTP server that computes the password; not AWS",
    ),
    "redshift": Engine(
        "wickie.providers.redshift:Redshift",
        ("single-user", "alternating-users"),
        drivers=_PG8000,
        longest=64,
        forbidden="'\"\\/@",
        verified_against="no Redshift: PostgreSQL 15 with MD5 logins and views in the place of its "
        "system views, where the statements are the same; of its roles, syslog access and session "
        "timeout only the statements' words; method 13 by a stand-in",
    ),
    "rds-master": Engine(
        "wickie.providers.rds_master:RdsMaster",
        ("single-user",),
        opens=("postgres", "mysql", "mariadb"),
        options=("resource",),
        longest=41,
        forbidden='/@"',
        permissions=dict.fromkeys(
            (
                "rds:DescribeDBClusters",
                "rds:DescribeDBInstances",
                "rds:ModifyDBCluster",
                "rds:ModifyDBInstance",
            ),
            "arn:{partition}:rds:{region}:{account}:{resource}",
        ),
        verified_against="moto's RDS, whose passwords a real PostgreSQL or MariaDB gets and "
        "judges; not AWS, and of MySQL only how its secrets are read",
    ),
    "redis": _REDIS,
    "valkey": _REDIS,
    "elasticache": Engine(
        "wickie.providers.elasticache:ElastiCache",
        ("dual-password",),
        options=("user",),
        permissions=dict.fromkeys(
            ("elasticache:DescribeUsers", "elasticache:ModifyUser"),
            "arn:{partition}:elasticache:{region}:{account}:user:{user}",
        ),
        place="vpc",
        verified_against="AWS's API by a stand-in that obeys its model; sign-in by Valkey 9.1",
    ),
    "memorydb": Engine(
        "wickie.providers.elasticache:MemoryDb",
        ("dual-password",),
        options=("user",),
        permissions=dict.fromkeys(
            ("memorydb:DescribeUsers", "memorydb:UpdateUser"),
            "arn:{partition}:memorydb:{region}:{account}:user/{user}",
        ),
        place="vpc",
        verified_against="AWS's API by a stand-in that obeys its model; sign-in by Valkey 9.1",
    ),
    "mysql": Engine(
        "wickie.providers.mysql:MySQL",
        ("single-user", "alternating-users", "dual-password"),
        drivers=("pymysql",),
        verified_against="a stand-in that speaks the protocol; what it shares, MariaDB 10.11",
    ),
    "mariadb": Engine(
        "wickie.providers.mysql:MariaDB",
        ("single-user", "alternating-users"),
        drivers=("pymysql",),
        verified_against="MariaDB 10.11 with TLS",
    ),
    "sqlserver": Engine(
        "wickie.providers.sqlserver:SqlServer",
        ("single-user", "alternating-users"),
        drivers=("python-tds",),
        longest=128,
        verified_against="no SQL Server: statements by a stand-in that keeps logins, users and "
        "grants and runs the catalog queries; TLS and sign-in by one that speaks TDS 7.4",
    ),
    "oracle": Engine(
        "wickie.providers.oracle:Oracle",
        ("single-user", "alternating-users"),
        drivers=("typing-extensions",),
        native=("oracledb", "cryptography", "cffi"),
        longest=30,
        forbidden='"',
        verified_against="no Oracle: statements by a stand-in at the driver's API that keeps users "
        "and grants and runs the catalog queries",
    ),
    "mongodb": Engine(
        "wickie.providers.mongodb:MongoDb",
        ("single-user", "alternating-users"),
        drivers=("pymongo", "dnspython"),
        verified_against="no MongoDB nor DocumentDB: by a stand-in at the driver's API",
    ),
    "signing-key": Engine(
        "wickie.providers.signing_key:SigningKeys",
        ("dual-key",),
        optional={
            "verify": "wickie.https:checked_url",
            "size": "wickie.providers.signing_key:checked_size",
        },
        place="aws",
        verified_against="a consumer over TLS that reads the secret from moto and honours keys by "
        "their labels; without options.verify nobody judges, and nothing is told to be dead",
    ),
    "ssh-key": Engine(
        "wickie.providers.ssh_key:SshKey",
        ("dual-key",),
        native=("cryptography", "cffi"),
        verified_against="OpenSSH 9.2, with OpenSSH's own client as judge",
    ),
}


def find_engine(name: str) -> Engine:
    """Look an engine up. Raises `ConfigError` naming the ones there are."""
    if name not in ENGINES:
        raise ConfigError(f"no engine {name!r}; use one of {', '.join(sorted(ENGINES))}")
    return ENGINES[name]
