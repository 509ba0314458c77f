"""
Which Redshift users cannot take turns.

A user cannot act as another there, so what one of two creates is not the other's to alter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, ProviderError
from wickie.providers.rsgrants import grants_of, traits_of

if TYPE_CHECKING:
    from wickie.credentials import DatabaseLogin
    from wickie.providers.pgwire import Session

_SHOWN: Final = 3

_OWNED: Final = """
select 'database ' || d.datname::text from pg_database d join pg_user u on u.usesysid = d.datdba
  where u.usename in (:base, :clone)
union all
select 'schema ' || n.nspname::text from pg_namespace n join pg_user u on u.usesysid = n.nspowner
  where u.usename in (:base, :clone) and substring(n.nspname::text, 1, 3) <> 'pg_'
union all
select 'relation ' || n.nspname::text || '.' || c.relname::text
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_user u on u.usesysid = c.relowner
  where u.usename in (:base, :clone) and substring(n.nspname::text, 1, 3) <> 'pg_'
union all
select 'function ' || n.nspname::text || '.' || p.proname::text
  from pg_proc p join pg_namespace n on n.oid = p.pronamespace
  join pg_user u on u.usesysid = p.proowner where u.usename in (:base, :clone)
"""
_CREATES: Final = """
select 'CREATE ON DATABASE ' || datname::text from pg_database
  where has_database_privilege(:base, datname::text, 'create')
union all
select 'CREATE ON SCHEMA ' || nspname::text from pg_namespace
  where substring(nspname::text, 1, 3) <> 'pg_'
  and has_schema_privilege(:base, nspname::text, 'create')
"""
_NAMESAKE: Final = "select 'schema ' || nspname::text from pg_namespace where nspname = :base"

_ROLES: Final = "select role_name from svv_user_grants where user_name = :base"
_WITHIN: Final = "select granted_role_name from svv_role_grants where role_name = :role"
_OF_ROLE: Final = (
    "select system_privilege from svv_system_privileges"
    " where identity_type = 'role' and identity_name = :role"
)

# What is tied to one user and not copied.
_TIED: Final = {
    "default privileges": "select 'in schema ' || coalesce(schema_name, '')"
    " from svv_default_privileges where grantee_type = 'user' and grantee_name = :base",
    "the right to assume an IAM role": "select iam_arn from svv_iam_privileges"
    " where identity_type = 'user' and identity_name = :base",
    "privileges on a machine learning model": "select model_name from svv_ml_model_privileges"
    " where identity_type = 'user' and identity_name = :base",
    "a row-level security policy": "select polname from svv_rls_attached_policy"
    " where granteekind = 'user' and grantee = :base",
    "a masking policy": "select policy_name from svv_attached_masking_policy"
    " where grantee_type = 'user' and grantee = :base",
}


def require_superuser(connection: Session, admin: DatabaseLogin) -> None:
    """Raise `ProviderError` for an administrator from whom the system views hide rows."""
    found = traits_of(connection, admin.username)
    if found is None or not found.superuser:
        raise ProviderError(
            f"{admin.username} at {admin.host} is no superuser and does not see what others were "
            f"granted; name one as the master, or ALTER USER {admin.username} CREATEUSER"
        )


def require_plain_user(connection: Session, base: str, clone: str, host: str) -> None:
    """Raise `ConfigError` unless `base` only uses what others own, by rights that are copied."""
    traits = traits_of(connection, base)
    if traits is None:
        raise ConfigError(
            f"user {base} does not exist at {host}, and {clone} is read as its clone; use "
            f"single-user for it, or rename it"
        )
    if traits.superuser or traits.createdb:
        raise _refused(base, "is a superuser or may create databases", "NOCREATEUSER NOCREATEDB")
    if owned := _names(connection, _OWNED, base=base, clone=clone):
        raise _refused(base, f"or its clone owns {owned}", "give that another owner")
    if may := _names(connection, _CREATES, base=base):
        raise _refused(base, f"has {may}", "revoke that from it, its groups, roles and PUBLIC")
    if role := creating_role(connection, base):
        raise _refused(base, f"may create objects by role {role}", "take that role from it")
    if schema := _names(connection, _NAMESAKE, base=base):
        raise _refused(base, f"finds {schema} by its own name", "rename that")
    if odd := sorted(grant for grant in grants_of(connection, base) if not grant.copied):
        raise _refused(base, f"itself was granted {odd[0]}", "grant that to a role")
    for what, query in _TIED.items():
        if names := _names(connection, query, base=base):
            raise _refused(base, f"itself has {what} ({names})", "give that to a group or role")


def creating_role(connection: Session, base: str) -> str | None:
    """Name a role, of those that the user has or that are within them, that may CREATE things."""
    asked: set[str] = set()
    waiting = [str(row[0]) for row in connection.run(_ROLES, base=base)]
    while waiting:
        role = waiting.pop()
        if role in asked:
            continue
        asked.add(role)
        privileges = [str(row[0]) for row in connection.run(_OF_ROLE, role=role)]
        if any(name.upper().startswith("CREATE") for name in privileges):
            return role
        waiting += [str(row[0]) for row in connection.run(_WITHIN, role=role)]
    return None


def _refused(base: str, why: str, remedy: str) -> ConfigError:
    return ConfigError(
        f"user {base} {why}, and its clone could not act as it: users who take turns on Redshift "
        f"only use what others own; {remedy}, or use single-user"
    )


def _names(connection: Session, query: str, **names: str) -> str:
    found = [str(row[0]) for row in connection.run(query, **names)]
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(found[:_SHOWN]) + more
