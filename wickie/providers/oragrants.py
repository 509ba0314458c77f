"""What a user of Oracle may do, and how its clone comes to do the same."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError
from wickie.providers.orawire import identifier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wickie.providers.orawire import Session

_NAMES_SHOWN: Final = 8

# Of the session's own user, whom these views need no name of.
_OWN: Final = {
    "system privileges": "select privilege, admin_option from user_sys_privs order by 1, 2",
    "roles": "select granted_role, admin_option, default_role from user_role_privs order by 1, 2",
    "object privileges": (
        "select privilege, owner, table_name, grantable from user_tab_privs_recd"
        " order by 1, 2, 3, 4"
    ),
    "column privileges": (
        "select privilege, owner, table_name, column_name, grantable from user_col_privs_recd"
        " order by 1, 2, 3, 4, 5"
    ),
    "quotas": "select tablespace_name, max_bytes from user_ts_quotas order by 1, 2",
    "tablespaces": "select default_tablespace, temporary_tablespace from user_users",
    "limits": "select resource_name, limit from user_resource_limits order by 1, 2",
    "own objects": "select object_type, object_name from user_objects order by 1, 2",
}

_SYSTEM: Final = "select privilege, admin_option from dba_sys_privs where grantee = :name"
_ROLES: Final = "select granted_role, admin_option from dba_role_privs where grantee = :name"
_DEFAULTS: Final = "select granted_role, default_role from dba_role_privs where grantee = :name"
_OBJECTS: Final = (
    "select privilege, owner, table_name, type, grantable from dba_tab_privs where grantee = :name"
)
_COLUMNS: Final = (
    "select privilege, owner, table_name, column_name, grantable from dba_col_privs"
    " where grantee = :name"
)
_QUOTAS: Final = "select tablespace_name, max_bytes from dba_ts_quotas where username = :name"
_SETTINGS: Final = (
    "select profile, default_tablespace, temporary_tablespace from dba_users where username = :name"
)
_UNFINISHED: Final = "EXPIRED"
_PREFIXES: Final = {"DIRECTORY": "directory ", "USER": "user "}


@dataclass(frozen=True, order=True)
class _Grant:
    """A privilege or role, without for whom."""

    what: str
    on: str
    option: str
    """What else it brings; empty if nothing."""

    def statement(self, who: str) -> str:
        return f"grant {self.what}{self.on} to {who}{self.option}"

    def revocation(self, who: str) -> str:
        """How it is taken back; a column's is only revoked with the whole table's."""
        what = self.what.partition(" (")[0] if self.on else self.what
        return f"revoke {what}{self.on} from {who}"


def rights(connection: Session) -> str:
    """Say what the session may do, in the same words for all who may do the same."""
    facts = []
    for what, query in _OWN.items():
        rows = connection.run(query)
        facts.append(f"{what} {_listed(' '.join(str(c) for c in row) for row in rows)}")
    return "; ".join(facts)


def ensure_clone(connection: Session, base: str, clone: str, host: str) -> None:
    """
    Make the clone if missing; refuse a user that is not the base's clone.

    A clone of ours is known by the base being its proxy, or, if a crash came before that, by
    being expired as it was made, never having signed in, and holding nothing: it is nobody's loss.

    It is not locked meanwhile, for a retry would be told so and not that a password is wrong.
    Nobody knows the one that it has, and it may not open a session.
    """
    query = "select username, account_status from dba_users where username in (:base, :clone)"
    known = dict(connection.run(query, base=base, clone=clone))
    if base not in known:
        raise ConfigError(
            f"user {base} does not exist at {host}, and {clone} is read as its clone; use "
            f"single-user for it, or rename it"
        )
    _require_nothing_owned(connection, base, host)
    if clone not in known:
        unknown = identifier(f"a{secrets.token_hex(10)}_9Z")
        connection.run(f"create user {identifier(clone)} identified by {unknown} password expire")
    elif _marked(connection, base, clone):
        return
    elif known[clone] != _UNFINISHED or not _blank(connection, clone):
        raise ConfigError(
            f"user {clone} at {host} was not made as the clone of {base}, so it is somebody "
            f"else's; rename it, or ALTER USER {clone} GRANT CONNECT THROUGH {base} if it is "
            f"meant to be the clone"
        )
    # Before anything is granted to it. The base may act as it from now on: it may as much.
    connection.run(f"alter user {identifier(clone)} grant connect through {identifier(base)}")


def match_clone(connection: Session, base: str, clone: str) -> None:
    """Give the clone what `rights` says of the base. Every statement commits, and may be last."""
    who = identifier(clone)
    if (settings := connection.run(_SETTINGS, name=base)) != connection.run(_SETTINGS, name=clone):
        profile, default, temporary = map(identifier, settings[0])
        connection.run(
            f"alter user {who} profile {profile} default tablespace {default} "
            f"temporary tablespace {temporary}"
        )
    wanted, held = (_grants(connection, name) for name in (base, clone))
    revoked = {extra.revocation(who) for extra in held - wanted}
    for statement in sorted(revoked):
        connection.run(statement)
    # Revoking a column's privilege took what else there was of it on the table.
    for missing in sorted(wanted - _grants(connection, clone) if revoked else wanted - held):
        connection.run(missing.statement(who))
    _match_quotas(connection, base, clone)
    _match_defaults(connection, base, clone)


def _marked(connection: Session, base: str, clone: str) -> bool:
    query = "select 1 from dba_proxies where proxy = :base and client = :clone"
    return bool(connection.run(query, base=base, clone=clone))


def _blank(connection: Session, name: str) -> bool:
    unused = "select 1 from dba_users where username = :name and last_login is null"
    return bool(connection.run(unused, name=name)) and not _grants(connection, name)


def _require_nothing_owned(connection: Session, base: str, host: str) -> None:
    ((owned,),) = connection.run("select count(*) from dba_objects where owner = :name", name=base)
    if owned:
        raise ConfigError(
            f"user {base} owns {owned} object(s) at {host}, as no clone can beside it; use "
            f"single-user for it, or have a user without password own the schema"
        )


def _grants(connection: Session, name: str) -> set[_Grant]:
    found = {
        _Grant(privilege, "", _option(admin, "admin"))
        for privilege, admin in connection.run(_SYSTEM, name=name)
    }
    for role, admin in connection.run(_ROLES, name=name):
        found.add(_Grant(identifier(role), "", _option(admin, "admin")))
    for privilege, owner, table, kind, grantable in connection.run(_OBJECTS, name=name):
        prefix = _PREFIXES.get(kind, "")
        place = identifier(table) if prefix else f"{identifier(owner)}.{identifier(table)}"
        found.add(_Grant(privilege, f" on {prefix}{place}", _option(grantable, "grant")))
    for privilege, owner, table, column, grantable in connection.run(_COLUMNS, name=name):
        place = f" on {identifier(owner)}.{identifier(table)}"
        what = f"{privilege} ({identifier(column)})"
        found.add(_Grant(what, place, _option(grantable, "grant")))
    return found


def _match_quotas(connection: Session, base: str, clone: str) -> None:
    wanted, held = (dict(connection.run(_QUOTAS, name=name)) for name in (base, clone))
    for tablespace in sorted(wanted.keys() | held.keys()):
        size = int(wanted.get(tablespace, 0))
        if size != held.get(tablespace, 0):
            quota = "unlimited" if size < 0 else size
            connection.run(
                f"alter user {identifier(clone)} quota {quota} on {identifier(tablespace)}"
            )


def _match_defaults(connection: Session, base: str, clone: str) -> None:
    wanted, held = (sorted(connection.run(_DEFAULTS, name=name)) for name in (base, clone))
    if wanted != held:
        roles = ", ".join(identifier(role) for role, default in wanted if default == "YES")
        connection.run(f"alter user {identifier(clone)} default role {roles or 'none'}")


def _option(given: Any, kind: str) -> str:
    return f" with {kind} option" if given == "YES" else ""


def _listed(items: Iterable[str]) -> str:
    texts = list(items)
    if len(texts) <= _NAMES_SHOWN:
        return ", ".join(texts) or "none"
    return f"{len(texts)} (#{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:8]})"
