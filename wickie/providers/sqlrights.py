"""What a login of SQL Server may do, and how its clone comes to do the same."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError, ProviderError
from wickie.providers.tds import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wickie.providers.tds import Session

_NAMES_SHOWN: Final = 8

_SERVER_ROLES: Final = """
select r.name from sys.server_role_members m
join sys.server_principals r on r.principal_id = m.role_principal_id
join sys.server_principals p on p.principal_id = m.member_principal_id
where p.name = %s order by r.name
"""
_SERVER_PERMISSIONS: Final = """
select p.state, p.permission_name, p.class, null, s.name, null from sys.server_permissions p
join sys.server_principals g on g.principal_id = p.grantee_principal_id
left join sys.server_principals s on p.class = 101 and s.principal_id = p.major_id
where g.name = %s
"""
_DATABASES: Final = """
select name from sys.databases where state = 0 and has_dbaccess(name) = 1 order by name
"""
_USER: Final = """
select u.name, u.default_schema_name from sys.database_principals u
join sys.server_principals l on l.sid = u.sid where l.name = %s
"""
_ROLES: Final = """
select r.name from sys.database_role_members m
join sys.database_principals r on r.principal_id = m.role_principal_id
join sys.database_principals p on p.principal_id = m.member_principal_id
where p.name = %s order by r.name
"""
_PERMISSIONS: Final = """
select p.state, p.permission_name, p.class, s.name, coalesce(o.name, d.name, t.name), c.name
from sys.database_permissions p
join sys.database_principals g on g.principal_id = p.grantee_principal_id
left join sys.all_objects o on p.class = 1 and o.object_id = p.major_id
left join sys.types t on p.class = 6 and t.user_type_id = p.major_id
left join sys.schemas s on s.schema_id = coalesce(o.schema_id, t.schema_id, p.major_id)
  and p.class in (1, 3, 6)
left join sys.all_columns c on p.class = 1 and p.minor_id > 0
  and c.object_id = p.major_id and c.column_id = p.minor_id
left join sys.database_principals d on p.class = 4 and d.principal_id = p.major_id
where g.name = %s
"""

_STATES: Final = {"G": "grant", "W": "grant", "D": "deny"}
_WITH_GRANT: Final = "W"
# https://learn.microsoft.com/en-us/sql/relational-databases/system-catalog-views/sys-database-permissions-transact-sql
_SCOPES: Final[dict[int, Callable[[str, str, str], str]]] = {
    0: lambda *_: "",
    1: lambda schema, name, column: (
        f" on object::{schema}.{name}{f' ({column})' if column else ''}"
    ),
    3: lambda schema, *_: f" on schema::{schema}",
    4: lambda _, name, __: f" on user::{name}",
    6: lambda schema, name, _: f" on type::{schema}.{name}",
    100: lambda *_: "",
    101: lambda _, name, __: f" on login::{name}",
}


@dataclass(frozen=True, order=True)
class _Permission:
    """What `grant` or `deny` said, without for whom."""

    state: str
    name: str
    scope: str

    @classmethod
    def read(cls, row: tuple[Any, ...]) -> _Permission:
        """Read a row of the catalog. Raises `ProviderError` for securables beyond these."""
        state, name, kind, *names = row
        if kind not in _SCOPES:
            raise ProviderError(
                f"{name} is held on a securable of class {kind}, which wickie cannot grant "
                f"alike; hold it by way of a role"
            )
        quoted = [identifier(n) if n is not None else "" for n in names]
        return cls(state.strip(), name, _SCOPES[kind](*quoted))

    def statement(self, who: str) -> str:
        """How it is given."""
        option = " with grant option" if self.state == _WITH_GRANT else ""
        return f"{_STATES[self.state]} {self.name}{self.scope} to {who}{option}"

    def revocation(self, who: str) -> str:
        """How it is taken back, with what it passed on."""
        return f"revoke {self.name}{self.scope} from {who} cascade"

    def __str__(self) -> str:
        """As rights are told."""
        return f"{self.state} {self.name}{self.scope}"


def rights(connection: Session) -> str:
    """
    Say what the session may do, in the same words for all who may do the same.

    Names of its users differ between twins and are left out; every database counts that it may
    enter.
    """
    ((me, home),) = connection.run("select suser_sname(), db_name()")
    facts = [
        f"server roles {_listed(_names(connection, _SERVER_ROLES, me))}",
        f"server permissions {_listed(_permissions(connection, _SERVER_PERMISSIONS, me))}",
    ]
    for (database,) in connection.run(_DATABASES):
        connection.run(f"use {identifier(database)}")
        ((user,),) = connection.run("select user_name()")
        roles = _names(connection, _ROLES, user)
        held = _permissions(connection, _PERMISSIONS, user)
        if user in ("dbo", "guest"):
            roles = [user, *roles]
        facts.append(f"in {database}: roles {_listed(roles)}, permissions {_listed(held)}")
    connection.run(f"use {identifier(home)}")
    return "; ".join(facts)


def clone_sid(base_sid: bytes) -> str:
    """The SID that a clone is made with: by it, and not by its name, it is known as ours."""
    return "0x" + hashlib.sha256(b"wickie clone of " + base_sid).hexdigest()[:32].upper()


def ensure_clone(connection: Session, base: str, clone: str, host: str) -> None:
    """Make the clone if missing; refuse a login that is not the base's clone."""
    query = "select name, sid from sys.sql_logins where name in (%s, %s)"
    known = {name: bytes(sid) for name, sid in connection.run(query, base, clone)}
    if base not in known:
        raise ConfigError(
            f"login {base} does not exist at {host}, and {clone} is read as its clone; use "
            f"single-user for it, or rename it"
        )
    sid = clone_sid(known[base])
    if clone not in known:
        unknown = literal(f"{secrets.token_urlsafe(32)}aA1")
        connection.run(f"create login {identifier(clone)} with password = {unknown}, sid = {sid}")
    elif "0x" + known[clone].hex().upper() != sid:
        raise ConfigError(
            f"login {clone} at {host} was not made as the clone of {base} (its SID is not "
            f"{sid}), so it is somebody else's; rename it, or drop it for wickie to make anew"
        )


def match_clone(connection: Session, base: str, clone: str, host: str) -> None:
    """Give the clone what `rights` says of the base, on the server and in every database."""
    query = (
        "select default_database_name, default_language_name, is_policy_checked,"
        " is_expiration_checked from sys.sql_logins where name = %s"
    )
    ((database, language, policy, expiration),) = connection.run(query, base)
    if connection.run(query, clone) != [(database, language, policy, expiration)]:
        connection.run(
            f"alter login {identifier(clone)} with default_database = {identifier(database)}, "
            f"default_language = {identifier(language)}, check_policy = {_switch(policy)}, "
            f"check_expiration = {_switch(expiration)}"
        )
    connection.run("use [master]")  # elsewhere permissions of the server's are not to be granted
    _match(connection, "server role", _SERVER_ROLES, base, clone)
    _match_permissions(connection, _SERVER_PERMISSIONS, base, clone)
    for (name,) in connection.run(_DATABASES):
        connection.run(f"use {identifier(name)}")
        _match_user(connection, (base, clone), name, host)


def _match_user(connection: Session, logins: tuple[str, str], database: str, host: str) -> None:
    base, clone = logins
    theirs, ours = (connection.run(_USER, login) for login in logins)
    if not theirs:
        if ours:
            connection.run(f"drop user {identifier(ours[0][0])}")
        return
    ((user, schema),) = theirs
    if user == "dbo":
        raise ConfigError(
            f"login {base} owns database {database} at {host}, as no clone can beside it; "
            f"ALTER AUTHORIZATION ON DATABASE::{identifier(database)} TO another login and make "
            f"{base} a member of db_owner"
        )
    if not ours:
        connection.run(f"create user {identifier(clone)} for login {identifier(clone)}")
    twin = ours[0][0] if ours else clone
    if schema and (not ours or ours[0][1] != schema):
        connection.run(f"alter user {identifier(twin)} with default_schema = {identifier(schema)}")
    _match(connection, "role", _ROLES, user, twin)
    _match_permissions(connection, _PERMISSIONS, user, twin)


def _match(connection: Session, kind: str, query: str, base: str, clone: str) -> None:
    wanted, held = (set(_names(connection, query, name)) for name in (base, clone))
    for role in sorted(wanted - held):
        connection.run(f"alter {kind} {identifier(role)} add member {identifier(clone)}")
    for role in sorted(held - wanted):
        connection.run(f"alter {kind} {identifier(role)} drop member {identifier(clone)}")


def _match_permissions(connection: Session, query: str, base: str, clone: str) -> None:
    wanted, held = (set(_permissions(connection, query, name)) for name in (base, clone))
    for extra in sorted(held - wanted):
        connection.run(extra.revocation(identifier(clone)))
    for missing in sorted(wanted - held):
        connection.run(missing.statement(identifier(clone)))


def _names(connection: Session, query: str, name: str) -> list[str]:
    return [row[0] for row in connection.run(query, name)]


def _permissions(connection: Session, query: str, name: str) -> list[_Permission]:
    return sorted(_Permission.read(row) for row in connection.run(query, name))


def _switch(on: int) -> str:
    return "on" if on else "off"


def _listed(items: Iterable[object]) -> str:
    texts = [str(item) for item in items]
    if len(texts) <= _NAMES_SHOWN:
        return ", ".join(texts) or "none"
    return f"{len(texts)} (#{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:8]})"
