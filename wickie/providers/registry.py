"""Which systems there are, by the name wickie.yaml gives them as `engine`."""

from __future__ import annotations

import pkgutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

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
    options: tuple[str, ...] = ()
    """What `options` in wickie.yaml must give."""
    longest: int = 128
    """Characters that its passwords may have."""
    forbidden: str = ""
    """Symbols that its passwords may not have, however they are quoted."""
    permissions: Mapping[str, str] = field(default_factory=dict)
    """IAM action to the ARN it is granted on, with {partition}, {region}, {account}, {option}."""
    verified_against: str = ""
    """What judged its tests: a real server, or a stand-in, and then of what kind."""

    def open(self, context: Context) -> Any:
        """Make the provider."""
        return pkgutil.resolve_name(self.provider)(context)


_PG8000: Final = ("pg8000", "scramp", "asn1crypto")
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
        verified_against="moto's IAM, judged by an SMTP server that computes the password; not AWS",
    ),
    "redshift": Engine(
        "wickie.providers.redshift:Redshift",
        ("single-user",),
        drivers=_PG8000,
        longest=64,
        forbidden="'\"\\/@",
        verified_against="no Redshift: PostgreSQL 15 with MD5 logins and a view for stv_sessions, "
        "where the statements are the same; method 13 by a stand-in",
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
        verified_against="no MongoDB nor DocumentDB: passwords by FerretDB 1.24, roles and clones "
        "by a stand-in at the driver's API",
    ),
}


def find_engine(name: str) -> Engine:
    """Look an engine up. Raises `ConfigError` naming the ones there are."""
    if name not in ENGINES:
        raise ConfigError(f"no engine {name!r}; use one of {', '.join(sorted(ENGINES))}")
    return ENGINES[name]
