"""
An Oracle of SQLite tables, at the driver's API: `connect` stands for `oracledb.connect`.

The dictionary's queries are run as they are; statements are parsed, and what is not understood,
or names what is not there, fails as it does in Oracle. Every statement commits.
"""

# ruff: noqa: S608  (tables of the tests' own)
from __future__ import annotations

import copy
import re
import sqlite3
import threading
from functools import partial
from types import SimpleNamespace
from typing import Any, Self

import oracledb

from bench.faults.standins import Line

N = r'"([^"]+)"'
SCHEMA = """
create table dba_users (username unique, account_status, profile, default_tablespace,
  temporary_tablespace, last_login, password);
create table dba_sys_privs (grantee, privilege, admin_option);
create table dba_role_privs (grantee, granted_role, admin_option, default_role);
create table dba_tab_privs (grantee, privilege, owner, table_name, type, grantable);
create table dba_col_privs (grantee, privilege, owner, table_name, column_name, grantable);
create table dba_ts_quotas (username, tablespace_name, max_bytes);
create table dba_proxies (proxy, client);
create table dba_objects (owner, object_type, object_name);
create table roles (role);
create table v$session (sid, serial_no, username);
create view user_sys_privs as select * from dba_sys_privs where grantee = me();
create view user_role_privs as select * from dba_role_privs where grantee = me();
create view user_tab_privs_recd as select * from dba_tab_privs where grantee = me();
create view user_col_privs_recd as select * from dba_col_privs where grantee = me();
create view user_ts_quotas as select * from dba_ts_quotas where username = me();
create view user_users as select * from dba_users where username = me();
create view user_objects as select * from dba_objects where owner = me();
create view user_resource_limits as select 'PROFILE' resource_name, profile "limit" from user_users;
insert into roles values ('CONNECT'), ('Odd Role'), ('READERS');
"""


def error(code: str, text: str) -> oracledb.DatabaseError:
    return oracledb.DatabaseError(SimpleNamespace(full_code=code, message=f"{code}: {text}"))


class FakeOracle:
    """The server; a shallow copy of it is a connection."""

    line: Line

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.me, self.lock = "", threading.RLock()
        self.asking = SimpleNamespace(me="")
        self.statements: list[str] = []
        self.db.create_function("me", 0, lambda: self.asking.me)
        self.db.create_function("sys_context", 2, lambda *_: 1)
        self.db.executescript(SCHEMA)
        self.add_user("ADMIN", "admin-password")

    def query(self, sql: str, *params: Any) -> list[Any]:
        return self.db.execute(sql, params).fetchall()

    def add_user(self, name: str, password: str, status: str = "OPEN") -> None:
        row = (name, status, "DEFAULT", "USERS", "TEMP", password)
        self.query("insert into dba_users values (?, ?, ?, ?, ?, null, ?)", *row)
        if status == "OPEN":
            self.query("insert into dba_sys_privs values (?, 'CREATE SESSION', 'NO')", name)

    def add_clerk(self, name: str, password: str) -> None:
        """A user with a role, a privilege and a quota."""
        self.add_user(name.upper(), password)
        row = name.upper(), "READERS", "NO", "YES"
        self.query("insert into dba_role_privs values (?, ?, ?, ?)", *row)
        self.query("insert into dba_sys_privs values (?, 'CREATE TABLE', 'YES')", name.upper())
        self.query("insert into dba_ts_quotas values (?, 'USERS', -1)", name.upper())

    def password_of(self, name: str) -> str | None:
        """The password that is honoured."""
        asked = "select password from dba_users where account_status = 'OPEN' and username = ?"
        found: list[tuple[str]] = self.query(asked, name.upper())
        return found[0][0] if found else None

    def change_admin(self, password: str) -> None:
        """As the administrator itself does."""
        self.update("ADMIN", password=password)

    def connect(self, *, user: str, password: str, **_: Any) -> FakeOracle:
        made = copy.copy(self)
        made.me = user.upper()
        made.line = Line(
            self.lock,
            lambda: error("DPY-4011", "the database or network closed the connection"),
            lambda: error("DPY-4024", "call timeout of 15000 ms exceeded"),
        )
        made.line.call("connect", partial(self._sign_in, made.me, password))
        return made

    def _sign_in(self, name: str, password: str) -> None:
        held = self.query("select account_status, password from dba_users where username = ?", name)
        if held and held[0][0].endswith("LOCKED"):
            raise error("ORA-28000", "The account is locked.")
        if not held or held[0][1] != password:
            raise error("ORA-01017", "invalid credential or not authorized; logon denied")
        if held[0][0] == "EXPIRED":
            raise error("ORA-28001", "The account has expired.")
        allowed = "select 1 from dba_sys_privs where grantee = ? and privilege = 'CREATE SESSION'"
        if not self.query(allowed, name):
            raise error("ORA-01045", "lacks CREATE SESSION privilege; logon denied")
        self.query("update dba_users set last_login = 'now' where username = ?", name)

    def changepassword(self, old: str, new: str) -> None:
        self.line.call("changepassword", partial(self._change, old, new))

    def _change(self, old: str, new: str) -> None:
        held = self.query("select password from dba_users where username = ?", self.me)
        if held != [(old,)]:
            raise error("ORA-28008", "invalid old password")
        self.query("update dba_users set password = ? where username = ?", new, self.me)

    def close(self) -> None: ...

    def cursor(self) -> FakeOracle:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def fetchall(self) -> list[Any]:
        return self.rows

    def execute(self, sql: str, params: dict[str, str]) -> None:
        self.line.call("execute", partial(self._run, sql, params))

    def _run(self, sql: str, params: dict[str, str]) -> None:
        self.asking.me = self.me
        self.statements.append(sql)
        self.rows, self.description = [], None
        if sql.lstrip().startswith("select"):
            self._require("dba_" in sql or "v$" in sql)
            readable = sql.replace("serial#", "serial_no").replace("= user ", "= me() ")
            readable = re.sub(r"(?<=, )limit(?= from)", '"limit"', readable)
            self.description = True
            self.rows = self.db.execute(readable, params).fetchall()
            return
        assert not params, "DDL takes no parameters"
        self._require(True)
        for pattern, act in _STATEMENTS.items():
            if found := re.fullmatch(pattern, sql):
                act(self, *(group or "" for group in found.groups()))
                break
        else:
            raise error("ORA-00900", f"invalid SQL statement {sql}")

    def _require(self, privileged: bool) -> None:
        if privileged and self.me != "ADMIN":
            raise error("ORA-01031", "insufficient privileges")

    def update(self, name: str, **values: Any) -> None:
        if not self.query("select 1 from dba_users where username = ?", name):
            raise error("ORA-01918", f"user '{name}' does not exist")
        for column, value in values.items():
            self.query(f"update dba_users set {column} = ? where username = ?", value, name)


def _create(db: FakeOracle, name: str, password: str) -> None:
    if db.query("select 1 from dba_users where username = ?", name):
        raise error("ORA-01920", f"user name '{name}' conflicts with another user or role name")
    db.add_user(name, password, "EXPIRED")


def _identified(db: FakeOracle, name: str, password: str) -> None:
    db.update(name, password=password)
    status = "select account_status from dba_users where username = ?"
    if db.query(status, name) == [("EXPIRED",)]:  # a new password is not expired
        db.update(name, account_status="OPEN")


def _proxy(db: FakeOracle, client: str, proxy: str) -> None:
    db.query("insert into dba_proxies values (?, ?)", proxy, client)


def _settings(db: FakeOracle, name: str, profile: str, default: str, temporary: str) -> None:
    db.update(name, profile=profile, default_tablespace=default, temporary_tablespace=temporary)


def _quota(db: FakeOracle, name: str, size: str, tablespace: str) -> None:
    db.query(
        "delete from dba_ts_quotas where username = ? and tablespace_name = ?", name, tablespace
    )
    if size != "0":
        row = name, tablespace, -1 if size == "unlimited" else int(size)
        db.query("insert into dba_ts_quotas values (?, ?, ?)", *row)


def _defaults(db: FakeOracle, name: str, roles: str) -> None:
    db.query("update dba_role_privs set default_role = 'NO' where grantee = ?", name)
    for role in re.findall(N, roles):
        held = "from dba_role_privs where grantee = ? and granted_role = ?"
        if not db.query(f"select 1 {held}", name, role):
            raise error("ORA-01955", f"DEFAULT ROLE '{role}' not granted to user")
        db.query(
            "update dba_role_privs set default_role = 'YES' where grantee = ? and granted_role = ?",
            name,
            role,
        )


def _system(db: FakeOracle, verb: str, what: str, name: str, option: str = "") -> None:
    db.query("delete from dba_sys_privs where grantee = ? and privilege = ?", name, what)
    if verb == "grant":
        yes = "YES" if option else "NO"
        db.query("insert into dba_sys_privs values (?, ?, ?)", name, what, yes)


def _role(db: FakeOracle, verb: str, role: str, name: str, option: str = "") -> None:
    if not db.query("select 1 from roles where role = ?", role):
        raise error("ORA-01919", f"role '{role}' does not exist")
    db.query("delete from dba_role_privs where grantee = ? and granted_role = ?", name, role)
    if verb == "grant":
        row = name, role, "YES" if option else "NO"
        db.query("insert into dba_role_privs values (?, ?, ?, 'YES')", *row)


def _object(db: FakeOracle, verb: str, what: str, column: str, on: str, *rest: str) -> None:
    name, option = (*rest, "")[:2]
    yes = "YES" if option else "NO"
    if directory := re.fullmatch(rf"directory {N}", on):
        kind, owner, table = "DIRECTORY", "SYS", directory[1]
    else:
        found = re.fullmatch(rf"{N}\.{N}", on)
        assert found, on
        kind, owner, table = "TABLE", found[1], found[2]
    where = "where grantee = ? and privilege = ? and owner = ? and table_name = ?"
    if verb == "revoke":
        for view in ("dba_tab_privs", "dba_col_privs"):
            db.query(f"delete from {view} {where}", name, what, owner, table)
    elif column:
        row = name, what, owner, table, column, yes
        db.query("insert into dba_col_privs values (?, ?, ?, ?, ?, ?)", *row)
    else:
        db.query(f"delete from dba_tab_privs {where}", name, what, owner, table)
        row = name, what, owner, table, kind, yes
        db.query("insert into dba_tab_privs values (?, ?, ?, ?, ?, ?)", *row)


_STATEMENTS: dict[str, Any] = {
    rf"create user {N} identified by {N} password expire": _create,
    rf"alter user {N} identified by {N}": _identified,
    rf"alter user {N} grant connect through {N}": _proxy,
    rf"alter user {N} profile {N} default tablespace {N} temporary tablespace {N}": _settings,
    rf"alter user {N} quota (unlimited|\d+) on {N}": _quota,
    rf"alter user {N} default role (.+)": _defaults,
    rf"(grant) ([A-Z ]+) to {N}( with admin option)?": _system,
    rf"(revoke) ([A-Z ]+) from {N}": _system,
    rf"(grant) {N} to {N}( with admin option)?": _role,
    rf"(revoke) {N} from {N}": _role,
    rf"(grant) ([A-Z]+)(?: \({N}\))? on (.+) to {N}( with grant option)?": _object,
    rf"(revoke) ([A-Z]+)()? on (.+) from {N}": _object,
}
