"""
A stand-in for Redshift's system views: views over PostgreSQL's catalogs, with its column names.

PostgreSQL's roles that may not sign in are the groups. It has no RBAC roles apart from them, no
syslog access, session timeout, IAM, models nor policies: those views are empty or say the usual.
https://docs.aws.amazon.com/redshift/latest/dg/svv_views.html
"""

from __future__ import annotations

from typing import Final

_TO_WHOM: Final = (
    "a.privilege_type, w.rolname::text as identity_name,"
    " case when w.rolcanlogin then 'user' else 'group' end as identity_type"
)
_OPTION: Final = "a.is_grantable as admin_option"


def _granted(names: str, source: str, acl: str) -> str:
    explode = f"cross join lateral aclexplode({acl}) a join pg_roles w on w.oid = a.grantee"
    return f"select {names}, {_TO_WHOM}, {_OPTION} from {source} {explode}"  # noqa: S608


def _nothing(columns: str) -> str:
    return "select " + ", ".join(f"null::text as {name}" for name in columns.split()) + " limit 0"


_SCHEMA: Final = "n.nspname::text as namespace_name"
_VIEWS: Final = {
    "stv_sessions": "select pid as process, usename as user_name from pg_stat_activity",
    "svv_user_info": "select rolname::text as user_name, rolsuper as superuser, rolcreatedb as"
    " createdb, coalesce(nullif(rolconnlimit, -1)::text, 'UNLIMITED') as connection_limit,"
    " 'RESTRICTED' as syslog_access, 0 as session_timeout from pg_roles",
    "svv_user_grants": _nothing("user_name role_name admin_option"),
    "svv_role_grants": _nothing("role_name granted_role_name"),
    "svv_system_privileges": _nothing("system_privilege identity_name identity_type"),
    "svv_database_privileges": _granted(
        "d.datname::text as database_name, 'DATABASE' as privilege_scope",
        "pg_database d", "d.datacl",
    ),
    "svv_schema_privileges": _granted(
        f"{_SCHEMA}, 'SCHEMA' as privilege_scope", "pg_namespace n", "n.nspacl"
    ),
    "svv_relation_privileges": _granted(
        f"{_SCHEMA}, c.relname::text as relation_name",
        "pg_class c join pg_namespace n on n.oid = c.relnamespace", "c.relacl",
    ),
    "svv_column_privileges": _granted(
        f"{_SCHEMA}, c.relname::text as relation_name, t.attname::text as column_name",
        "pg_attribute t join pg_class c on c.oid = t.attrelid"
        " join pg_namespace n on n.oid = c.relnamespace", "t.attacl",
    ),
    "svv_function_privileges": _granted(
        f"{_SCHEMA}, p.proname::text as function_name,"
        " oidvectortypes(p.proargtypes) as argument_types",
        "pg_proc p join pg_namespace n on n.oid = p.pronamespace", "p.proacl",
    ),
    "svv_language_privileges": _granted(
        "l.lanname::text as language_name", "pg_language l", "l.lanacl"
    ),
    "svv_default_privileges": "select n.nspname::text as schema_name, w.rolname::text as"
    " grantee_name, case when w.rolcanlogin then 'user' else 'group' end as grantee_type"
    " from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace"
    " cross join lateral aclexplode(d.defaclacl) a join pg_roles w on w.oid = a.grantee",
    "svv_iam_privileges": _nothing("iam_arn identity_name identity_type"),
    "svv_ml_model_privileges": _nothing("model_name identity_name identity_type"),
    "svv_rls_attached_policy": _nothing("polname grantee granteekind"),
    "svv_attached_masking_policy": _nothing("policy_name grantee grantee_type"),
}  # fmt: skip

SYSTEM_VIEWS: Final = [
    statement
    for name, query in _VIEWS.items()
    for statement in (
        f"create view pg_catalog.{name} as {query}",
        f"grant select on pg_catalog.{name} to public",
    )
]
"""Statements for a superuser; each database has its own, as on Redshift."""
