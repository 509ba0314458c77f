"""What a PostgreSQL role may do, and how its clone comes to do the same."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, ProviderError
from wickie.providers.pgwire import identifier, literal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wickie.credentials import DatabaseLogin
    from wickie.providers.pgwire import Session

_NAMES_SHOWN: Final = 8
_ADMIN_OPTION_SINCE: Final = 160_000

# What the session's own role decides, beside the role that it acts as: replication is asked of
# it before SET ROLE, its limit and its expiry at sign-in, its settings are read by its name.
_RIGHTS: Final = """
select current_user::text, current_setting('is_superuser') = 'on', r.rolreplication,
  r.rolconnlimit,
  to_char(nullif(r.rolvaliduntil, 'infinity') at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
  array(select d.datname::text from pg_database d where d.datallowconn
    and has_database_privilege(session_user, d.oid, 'connect') order by 1),
  array(select item from pg_db_role_setting s, unnest(s.setconfig) item
    where s.setrole = r.oid and item not like 'role=%'
    and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
    order by 1)
from pg_roles r where r.rolname = session_user
"""

_SETTINGS: Final = """
select d.datname::text, s.setconfig from pg_db_role_setting s
join pg_roles r on r.oid = s.setrole left join pg_database d on d.oid = s.setdatabase
where r.rolname = :name order by s.setdatabase
"""
"""Settings of a role: for every database (null, which comes first), and for single ones."""


def rights(connection: Session) -> str:
    """
    Say what the session may do, in the same words for all who may do the same.

    That is the role it acts as, and with it whatever that role owns, inherits and was granted;
    and what the role that signed in brings along. Settings are named and not shown: people keep
    keys in them.
    """
    ((role, superuser, replication, limit, until, databases, settings),) = connection.run(_RIGHTS)
    facts = [
        role,
        "superuser" if superuser else "",
        "replication" if replication else "",
        f"connection limit {limit}" if limit >= 0 else "",
        f"valid until {until} UTC" if until else "",
        f"may connect to {_listed(databases)}",
        f"settings {_settings(settings)}" if settings else "",
    ]
    return "; ".join(filter(None, facts))


def require_admin_option(connection: Session, admin: DatabaseLogin, *roles: str) -> None:
    """
    Raise `ProviderError` with the grant that is missing to change `roles`, those that exist.

    From PostgreSQL 16 on, CREATEROLE alone reaches only roles that one holds ADMIN OPTION on:
    https://www.postgresql.org/docs/16/release-16.html
    """
    ((version,),) = connection.run("show server_version_num")
    if int(version) < _ADMIN_OPTION_SINCE:
        return
    rows = connection.run(
        "select rolname::text from pg_roles where rolname in (:first, :last)"
        " and not pg_has_role(current_user, oid, 'MEMBER WITH ADMIN OPTION') order by 1",
        first=roles[0],
        last=roles[-1],
    )
    if rows:
        grants = "; ".join(
            f"GRANT {role} TO {admin.username} WITH ADMIN OPTION" for (role,) in rows
        )
        raise ProviderError(
            f"{admin.username} may not change {' and '.join(role for (role,) in rows)} at "
            f"{admin.host}; as a superuser or as who made the role: {grants}"
        )


def ensure_clone(connection: Session, base: str, clone: str, host: str) -> None:
    """Make the clone if missing; refuse two roles that are not each other's."""
    known = {
        row[0]
        for row in connection.run(
            "select rolname::text from pg_roles where rolname in (:base, :clone)",
            base=base,
            clone=clone,
        )
    }
    if base not in known:
        raise ConfigError(
            f"role {base} does not exist at {host}, and {clone} is read as its clone; "
            f"use single-user for it, or rename it"
        )
    if clone not in known:
        connection.run(f"create role {identifier(clone)} login")
        connection.run(f"grant {identifier(base)} to {identifier(clone)}")
        return
    member = connection.run(
        "select 1 from pg_auth_members m join pg_roles b on b.oid = m.roleid"
        " join pg_roles c on c.oid = m.member where b.rolname = :base and c.rolname = :clone",
        base=base,
        clone=clone,
    )
    if not member:
        raise ConfigError(
            f"role {clone} at {host} is not a member of {base}, so it is somebody else's; "
            f"rename it, or GRANT {base} TO {clone} if it is meant to be the clone"
        )


def match_clone(connection: Session, base: str, clone: str) -> None:
    """Give the clone what `rights` says of the base: it acts as it, under the same conditions."""
    _copy_attributes(connection, base, clone)
    _copy_settings(connection, base, clone)


def _copy_attributes(connection: Session, base: str, clone: str) -> None:
    query = (
        "select rolreplication, rolconnlimit, coalesce(rolvaliduntil, 'infinity')::text"
        " from pg_roles where rolname = :name"
    )
    ((replication, limit, until),) = connection.run(query, name=base)
    ((replicating, *_),) = connection.run(query, name=clone)
    options = f"login inherit connection limit {limit} valid until {literal(until)}"
    if replication != replicating:  # for which one must have it oneself, or be a superuser
        options += " replication" if replication else " noreplication"
    connection.run(f"alter role {identifier(clone)} {options}")


def _copy_settings(connection: Session, base: str, clone: str) -> None:
    """Give the clone the base's own settings: PostgreSQL reads them by who signs in."""
    altered = f"alter role {identifier(clone)}"
    for database, _ in connection.run(_SETTINGS, name=clone):
        connection.run(f"{altered}{_in(database)} reset all")
    connection.run(f"{altered} set role = {literal(base)}")
    for database, settings in connection.run(_SETTINGS, name=base):
        where = _in(database)
        for name, value in (item.split("=", 1) for item in settings):
            if name == "role":  # the base itself acts as another
                connection.run(f"{altered}{where} set role = {literal(value)}")
                continue
            # By way of our own session, because only the server can parse a list such as
            # search_path; true: for this transaction only.
            connection.run("select set_config(:name, :value, true)", name=name, value=value)
            parameter = ".".join(identifier(part) for part in name.split("."))
            connection.run(f"{altered}{where} set {parameter} from current")


def _in(database: str | None) -> str:
    return f" in database {identifier(database)}" if database else ""


def _listed(names: list[str]) -> str:
    if len(names) <= _NAMES_SHOWN:
        return ", ".join(names) or "no database"
    return f"{len(names)} databases (#{_digest(names)})"


def _settings(items: list[str]) -> str:
    names = dict.fromkeys(item.partition("=")[0] for item in items)
    return f"{', '.join(names)} (#{_digest(items)})"


def _digest(items: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(items).encode()).hexdigest()[:8]
