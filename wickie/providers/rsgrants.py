"""
What a Redshift user may do, and how its clone comes to do the same.

Only what was granted to the user itself is copied: groups and roles bring along the rest. All of
it is read from system views that show a user its own rows, and a superuser everybody's:
https://docs.aws.amazon.com/redshift/latest/dg/svv_views.html
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, ProviderError
from wickie.providers.pgwire import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wickie.providers.pgwire import Session

MARK: Final = "wickie_clones"
"""The group that a clone is known by. It is granted nothing."""

_SHOWN: Final = 8
_NEVER: Final = "infinity"
_TYPES: Final = re.compile(r"[\w ,()\[\]]*")
"""What a list of argument types is made of; Redshift has no types of one's own."""

# Each row: the privilege, whether it may be handed on, its scope, and the name of what it is on.
_PRIVILEGES: Final = {
    "database": "select privilege_type, admin_option, privilege_scope, database_name"
    " from svv_database_privileges",
    "schema": "select privilege_type, admin_option, privilege_scope, namespace_name"
    " from svv_schema_privileges",
    "table": "select privilege_type, admin_option, 'TABLE', namespace_name, relation_name"
    " from svv_relation_privileges",
    "column": "select privilege_type, false, 'COLUMN', namespace_name, relation_name, column_name"
    " from svv_column_privileges",
    "function": "select privilege_type, admin_option, 'FUNCTION', namespace_name, function_name,"
    " argument_types from svv_function_privileges",
    "language": "select privilege_type, admin_option, 'LANGUAGE', language_name"
    " from svv_language_privileges",
}
_THE_USERS: Final = " where identity_type = 'user' and identity_name = :name"
_GROUPS: Final = """
select g.groname from pg_group g, pg_user u where u.usesysid = any(g.grolist) and u.usename = :name
"""
_ROLES: Final = "select role_name, admin_option from svv_user_grants where user_name = :name"
# Two queries, for Redshift joins no arrays, as useconfig is, with what compute nodes hold.
_TRAITS: Final = """
select superuser, createdb, connection_limit, syslog_access, session_timeout
from svv_user_info where user_name = :name
"""
_SIGN_IN: Final = "select valuntil, useconfig from pg_user where usename = :name"


@dataclass(frozen=True, order=True)
class Grant:
    """One thing that was granted to a user."""

    what: str
    """As SELECT, SELECT (column), group, role."""
    on: str
    """As `table shop.sales`; the name of a group or role."""
    with_option: bool = False
    """Whether it may be handed on."""
    copied: bool = True
    """Whether a clone gets it."""

    def given(self, user: str) -> str:
        """Word the statement that gives it."""
        name = identifier(user)
        if self.what == "group":
            return f"alter group {self.on} add user {name}"
        if self.what == "role":
            return f"grant role {self.on} to {name}{self._option('admin')}"
        return f"grant {self.what} on {self.on} to {name}{self._option('grant')}"

    def taken(self, user: str) -> str:
        """Word the statement that takes it."""
        name = identifier(user)
        if self.what == "group":
            return f"alter group {self.on} drop user {name}"
        if self.what == "role":
            return f"revoke role {self.on} from {name}"
        return f"revoke {self.what} on {self.on} from {name}"

    def kept(self, user: str) -> list[str]:
        """Word what takes nothing of it but the option. AWS words that of roles in two ways."""
        if self.what == "role":
            return [self.taken(user), replace(self, with_option=False).given(user)]
        return [self.taken(user).replace("revoke", "revoke grant option for", 1)]

    def _option(self, word: str) -> str:
        return f" with {word} option" if self.with_option else ""

    def __str__(self) -> str:
        return f"{self.what} {self.on}{self._option('grant')}"


@dataclass(frozen=True)
class Traits:
    """What a user is by itself."""

    superuser: bool
    createdb: bool
    limit: str
    syslog: str
    timeout: int
    until: str
    settings: tuple[str, ...]

    def facts(self) -> Iterator[str]:
        """Say what is unusual. Settings are named and not shown: people keep keys in them."""
        names = ", ".join(item.partition("=")[0] for item in self.settings)
        yield "superuser" if self.superuser else "user"
        yield "may create databases" if self.createdb else ""
        yield f"connection limit {self.limit}" if self.limit != "UNLIMITED" else ""
        yield f"syslog access {self.syslog.lower()}" if self.syslog != "RESTRICTED" else ""
        yield f"session timeout {self.timeout} s" if self.timeout else ""
        yield f"valid until {self.until}" if self.until != _NEVER else ""
        yield f"settings {names} (#{_digest(self.settings)})" if names else ""


def traits_of(connection: Session, user: str) -> Traits | None:
    """Read what a user is; None where there is none of that name."""
    rows = connection.run(_TRAITS, name=user)
    if not rows:
        return None
    superuser, createdb, limit, syslog, timeout = rows[0]
    ((until, settings),) = connection.run(_SIGN_IN, name=user)
    return Traits(
        superuser=bool(superuser),
        createdb=bool(createdb),
        limit=str(limit),
        syslog=str(syslog),
        timeout=int(timeout or 0),
        until=_NEVER if until is None else str(until),
        settings=tuple(sorted(settings or ())),
    )


def grants_of(connection: Session, user: str) -> frozenset[Grant]:
    """Return what was granted to a user itself, its groups and roles among it."""
    groups = {row[0] for row in connection.run(_GROUPS, name=user)} - {MARK}
    found = {Grant("group", identifier(group)) for group in groups}
    found |= {
        Grant("role", identifier(role), bool(option))
        for role, option in connection.run(_ROLES, name=user)
    }
    for kind, query in _PRIVILEGES.items():
        found |= {grant(kind, *row) for row in connection.run(query + _THE_USERS, name=user)}
    return frozenset(found)


def grant(kind: str, privilege: str, option: object, scope: str, *names: str) -> Grant:
    """Read a row of a system view. What has another scope than its object is not copied."""
    what, quoted = privilege.upper(), [identifier(name) for name in names]
    if kind == "function":
        known = bool(_TYPES.fullmatch(names[2]))
        return Grant(what, f"function {quoted[0]}.{quoted[1]}({names[2]})", bool(option), known)
    if kind == "column":
        return Grant(f"{what} ({quoted[2]})", f"table {quoted[0]}.{quoted[1]}", bool(option))
    on = f"{kind} {'.'.join(quoted)}"
    if scope.upper() != kind.upper():
        return Grant(f"{what} for {scope.lower()}", on, bool(option), copied=False)
    return Grant(what, on, bool(option))


def rights(connection: Session) -> str:
    """Say what the session may do, in the same words for all who may do the same."""
    ((user,),) = connection.run("select current_user")
    traits, grants = traits_of(connection, str(user)), grants_of(connection, str(user))
    groups = sorted(grant.on for grant in grants if grant.what == "group")
    others = sorted(str(grant) for grant in grants if grant.what != "group")
    facts = [
        *(traits.facts() if traits else ()),
        f"member of {', '.join(groups)}" if groups else "member of no group",
        f"granted {_listed(others)}",
    ]
    return "; ".join(filter(None, facts))


def changes(has: frozenset[Grant], wanted: frozenset[Grant], user: str) -> list[str]:
    """Say what brings `user` from `has` to `wanted`; in use, it never lacks what stays."""
    statements = [grant.given(user) for grant in sorted(wanted - has) if not _optional(grant, has)]
    for grant in sorted(has - wanted):
        if _optional(grant, wanted):
            continue
        stays = replace(grant, with_option=False) in wanted
        statements += grant.kept(user) if stays else [grant.taken(user)]
    return statements


def _optional(grant: Grant, among: frozenset[Grant]) -> bool:
    """Whether there is the same with an option."""
    return replace(grant, with_option=True) in among and not grant.with_option


def alterations(has: Traits, wanted: Traits, user: str) -> list[str]:
    """Say what makes a user like another. A base is no superuser, nor may it create databases."""
    clauses = [
        "nocreatedb" if has.createdb and not wanted.createdb else "",
        "nocreateuser" if has.superuser and not wanted.superuser else "",
        f"connection limit {wanted.limit}" if has.limit != wanted.limit else "",
        f"syslog access {wanted.syslog}" if has.syslog != wanted.syslog else "",
        f"valid until {literal(wanted.until)}" if has.until != wanted.until else "",
    ]
    if has.timeout != wanted.timeout:
        timeout = f"session timeout {wanted.timeout}"
        clauses.append(timeout if wanted.timeout else "reset session timeout")
    names = [dict(item.split("=", 1) for item in side.settings) for side in (has, wanted)]
    clauses += [f"reset {_parameter(name)}" for name in names[0] if name not in names[1]]
    clauses += [
        f"set {_parameter(name)} to {_value(name, value)}"
        for name, value in names[1].items()
        if names[0].get(name) != value
    ]
    return [f"alter user {identifier(user)} {clause}" for clause in clauses if clause]


def ensure_clone(connection: Session, base: str, clone: str, hashed: str) -> None:
    """
    Make the clone if missing, and marked in the same statement; refuse somebody else's.

    Until it is given its password it has one that nobody knows, whose hash is `hashed`.
    """
    if not connection.run("select 1 from pg_group where groname = :name", name=MARK):
        connection.run(f"create group {MARK}")
    if traits_of(connection, clone) is None:
        connection.run(
            f"create user {identifier(clone)} password {literal(hashed)} in group {MARK}"
        )
    elif [MARK] not in connection.run(_GROUPS, name=clone):
        raise ConfigError(
            f"user {clone} is not in group {MARK}, so it is somebody else's and not the clone of "
            f"{base}; rename it, or ALTER GROUP {MARK} ADD USER {clone} if it is meant to be"
        )


def liken(connection: Session, base: str, clone: str) -> None:
    """Give the clone what the base has, and take from it what the base has not."""
    ours, theirs = traits_of(connection, clone), traits_of(connection, base)
    if ours and theirs:
        for statement in alterations(ours, theirs, clone):
            connection.run(statement)
    wanted = grants_of(connection, base)
    for statement in changes(grants_of(connection, clone), wanted, clone):
        connection.run(statement)
    # Read again, as what another user granted is not the administrator's to take.
    if left := changes(grants_of(connection, clone), wanted, clone):
        raise ProviderError(
            f"{clone} cannot be made like {base}: {left[0]} is without effect; grant by a group "
            f"or role instead, or use single-user"
        )


def _parameter(name: str) -> str:
    return ".".join(identifier(part) for part in name.split("."))


def _value(name: str, value: str) -> str:
    """Quote a value. That of search_path is a list of names, some quoted, and no string."""
    if name != "search_path":
        return literal(value)
    names = re.findall(r'"((?:[^"]|"")*)"|([^\s,"]+)', value)
    return ", ".join(literal(quoted.replace('""', '"') or plain) for quoted, plain in names)


def _listed(names: list[str]) -> str:
    if len(names) <= _SHOWN:
        return "; granted ".join(names) or "nothing itself"
    return f"{len(names)} privileges (#{_digest(names)})"


def _digest(items: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(items).encode()).hexdigest()[:8]
