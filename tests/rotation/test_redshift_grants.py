"""What Redshift has and PostgreSQL has not: by the words of the statements, as AWS has them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from wickie.providers.rsgrants import Grant, Traits, alterations, changes, grant
from wickie.providers.rsowners import creating_role

PLAIN = Traits(
    superuser=False,
    createdb=False,
    limit="UNLIMITED",
    syslog="RESTRICTED",
    timeout=0,
    until="infinity",
    settings=(),
)


def test_roles_are_granted_and_revoked_as_roles() -> None:
    has = frozenset({Grant("role", "old"), Grant("role", "tamed", with_option=True)})
    wanted = frozenset({Grant("role", "new", with_option=True), Grant("role", "tamed")})
    assert changes(has, wanted, "c") == [
        'grant role new to "c" with admin option',
        'revoke role old from "c"',
        'revoke role tamed from "c"',
        'grant role tamed to "c"',
    ]


@dataclass(frozen=True)
class Roles:
    """Answers for the views of roles: who has which, and what they may do."""

    granted: dict[str, list[str]]
    privileges: dict[str, list[str]]

    def run(self, sql: str, **params: str) -> list[list[Any]]:
        (name,) = params.values()
        rows = self.privileges if "svv_system_privileges" in sql else self.granted
        return [[row] for row in rows.get(name, [])]


@pytest.mark.parametrize(
    ("privilege", "found"), [("CREATE TABLE", "inner"), ("ACCESS SYSTEM TABLE", None)]
)
def test_a_role_within_a_role_that_may_create_is_found(privilege: str, found: str | None) -> None:
    granted = {"base": ["outer"], "outer": ["inner"], "inner": ["outer"]}
    assert creating_role(Roles(granted, {"inner": [privilege]}), "base") == found


def test_what_is_to_be_handed_on_too_is_not_taken_first() -> None:
    has = frozenset({Grant("SELECT", "table s.t")})
    wanted = frozenset({Grant("SELECT", "table s.t", with_option=True)})
    assert changes(has, wanted, "c") == ['grant SELECT on table s.t to "c" with grant option']


def test_syslog_access_session_timeout_and_limit_follow_the_base_there_and_back() -> None:
    special = replace(PLAIN, limit="5", syslog="UNRESTRICTED", timeout=120)
    assert alterations(PLAIN, special, "c") == [
        'alter user "c" connection limit 5',
        'alter user "c" syslog access UNRESTRICTED',
        'alter user "c" session timeout 120',
    ]
    assert alterations(special, PLAIN, "c") == [
        'alter user "c" connection limit UNLIMITED',
        'alter user "c" syslog access RESTRICTED',
        'alter user "c" reset session timeout',
    ]


@pytest.mark.parametrize("kind", ["database", "schema"])
def test_a_scoped_permission_is_told_and_never_copied(kind: str) -> None:
    scoped = grant(kind, "select", False, "TABLES", "x")
    assert str(scoped) == f'SELECT for tables {kind} "x"'
    assert not scoped.copied
    assert grant(kind, "usage", False, kind.upper(), "x").copied


def test_argument_types_that_are_no_types_are_never_copied() -> None:
    types = "integer, character varying"
    assert grant("function", "EXECUTE", None, "FUNCTION", "s", "f", types).copied
    odd = "int) to public; --"
    assert not grant("function", "EXECUTE", None, "FUNCTION", "s", "f", odd).copied
