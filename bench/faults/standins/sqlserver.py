"""
A SQL Server of SQLite tables, at the driver's API: `connect` is what `pytds.connect` would return.

The catalog's queries are run as they are; statements are parsed, and what is not understood, or
names what is not there, fails as it does in SQL Server.
"""

# ruff: noqa: S608, PLR0917  (tables of the tests' own)
from __future__ import annotations

import copy
import re
import sqlite3
import threading
from functools import partial
from types import SimpleNamespace
from typing import Any, Self

import pytds  # type: ignore[import-untyped]

from bench.faults.standins import Line
from bench.faults.standins.sqlserver_catalog import SCHEMA

NAME = r"\[((?:[^\]]|\]\])+)\]"
TEXT = r"N'((?:[^']|'')*)'"


def error(number: int, text: str) -> pytds.OperationalError:
    made = pytds.OperationalError(text)
    made.number = made.msg_no = number
    made.text = text
    return made


class FakeSqlServer:
    """The server; a shallow copy of it is a connection."""

    line: Line

    def __init__(self) -> None:
        self.db = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
        self.here, self.me, self.lock = "master", "", threading.RLock()
        self.asking = SimpleNamespace(by=self)
        self.statements: list[str] = []
        for name, count, function in (
            ("db_name", 0, lambda: self.asking.by.here),
            ("suser_sname", 0, lambda: self.asking.by.me),
            ("has_dbaccess", 1, lambda name: int(name != "off")),
            ("user_name", 0, self._user_name),
        ):
            self.db.create_function(name, count, function)
        self.db.executescript(SCHEMA)
        for name in self.query("select name from sys.databases"):
            for role in ("db_owner", "odd ] role"):
                self.query("insert into sys.users (db, name) values (?, ?)", *name, role)
        self.add_login("admin", "admin-password")

    def query(self, sql: str, *params: Any) -> list[Any]:
        return self.db.execute(sql, params).fetchall()

    def add_login(self, name: str, password: str, sid: bytes = b"") -> None:
        self.query(
            "insert into sys.sql_logins (name, password, sid, default_database_name,"
            " default_language_name, is_policy_checked, is_expiration_checked)"
            " values (?, ?, ?, 'master', 'us_english', 1, 0)",
            name,
            password,
            sid or f"sid of {name}".encode()[:16],
        )
        self.query(
            "insert into sys.server_permissions values ('G', 'CONNECT SQL', 100, 0, ?)",
            self.login_id(name),
        )

    def add_clerk(self, name: str, password: str) -> None:
        """A login with a role and a permission in one database."""
        self.add_login(name, password)
        server = copy.copy(self)
        server.here = "shop"
        _create_user(server, name, name)
        _role(server, "odd ] role", "add", name)
        _permit(server, "grant", "SELECT", " on object::[sales].[orders]", name, "")

    def password_of(self, name: str) -> str | None:
        """The password that is honoured."""
        found: list[tuple[str]] = self.query(
            "select password from sys.sql_logins where name = ?", name
        )
        return found[0][0] if found else None

    def change_admin(self, password: str) -> None:
        """As the administrator itself does."""
        self.query("update sys.sql_logins set password = ? where name = 'admin'", password)

    def connect(self, login: Any, *_: Any) -> FakeSqlServer:
        made = copy.copy(self)
        made.me, made.here = login.username, "master"
        made.line = Line(
            self.lock,
            lambda: ConnectionResetError(104, "Connection reset by peer"),
            lambda: TimeoutError("timed out"),
        )
        made.line.call("connect", partial(self._sign_in, login))
        return made

    def _sign_in(self, login: Any) -> None:
        found = self.query("select password from sys.sql_logins where name = ?", login.username)
        if found != [(login.password.reveal(),)]:
            raise error(18456, f"Login failed for user '{login.username}'.")

    def close(self) -> None: ...

    def cursor(self) -> FakeSqlServer:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def fetchall(self) -> list[Any]:
        return self.rows

    def execute(self, sql: str, params: Any = None) -> None:
        self.line.call("execute", partial(self._run, sql, params))

    def _run(self, sql: str, params: Any) -> None:
        self.asking.by = self
        self.statements.append(sql)
        self.rows, self.description = [], None
        if sql.lstrip().startswith("select"):
            self.description = True
            self.rows = self.query(sql.replace("%s", "?").replace("@@spid", "50"), *(params or ()))
            return
        assert not params, "DDL takes no parameters"
        for pattern, act in _STATEMENTS.items():
            if found := re.fullmatch(pattern, sql, re.DOTALL):
                words = [_unquoted(word or "") for word in found.groups()]
                act(self, *words)
                break
        else:
            raise error(102, f"Incorrect syntax near '{sql}'.")

    def _user_name(self) -> str:
        found = self.query(
            "select u.name from sys.users u join sys.sql_logins l on l.sid = u.sid"
            " where u.db = ? and l.name = ?",
            self.asking.by.here,
            self.asking.by.me,
        )
        return found[0][0] if found else "guest"

    def one(self, what: str, table: str, name: str, **where: Any) -> Any:
        sql = f"select {what} from sys.{table} where name = ?"
        sql += "".join(f" and {key} = ?" for key in where)
        found = self.query(sql, name, *where.values())
        if not found:
            raise error(15151, f"Cannot find '{name}', or you do not have permission.")
        return found[0][0]

    def login_id(self, name: str) -> int:
        return int(self.one("principal_id", "sql_logins", name))

    def user_id(self, name: str) -> int:
        return int(self.one("principal_id", "users", name, db=self.here))


def _unquoted(word: str) -> str:
    return word if word.startswith(" on ") else re.sub(r"''|\]\]", lambda m: m[0][0], word)


def _use(server: FakeSqlServer, name: str) -> None:
    server.one("name", "databases", name, state=0)
    server.here = name


def _alter_password(server: FakeSqlServer, name: str, new: str, old: str) -> None:
    held = server.one("password", "sql_logins", name)
    if (old and old != held) or (not old and server.me != "admin"):
        raise error(15151, f"Cannot alter the login '{name}' to {new}.")
    server.query("update sys.sql_logins set password = ? where name = ?", new, name)


def _create_login(server: FakeSqlServer, name: str, password: str, sid: str) -> None:
    server.add_login(name, password, bytes.fromhex(sid))


def _alter_defaults(server: FakeSqlServer, *words: str) -> None:
    name, database, language, policy, expiration = words
    server.one("name", "databases", database)
    server.query(
        "update sys.sql_logins set default_database_name = ?, default_language_name = ?,"
        " is_policy_checked = ?, is_expiration_checked = ? where name = ?",
        *(database, language, int(policy == "on"), int(expiration == "on"), name),
    )


def _server_role(server: FakeSqlServer, role: str, verb: str, name: str) -> None:
    pair = server.one("principal_id", "server_roles", role), server.login_id(name)
    _member(server, "server_role_members", pair, verb)


def _role(server: FakeSqlServer, role: str, verb: str, name: str) -> None:
    _member(server, "database_role_members", (server.user_id(role), server.user_id(name)), verb)


def _member(server: FakeSqlServer, table: str, pair: tuple[int, int], verb: str) -> None:
    if verb == "add":
        server.query(f"insert into sys.{table} values (?, ?)", *pair)
    else:
        where = "role_principal_id = ? and member_principal_id = ?"
        server.query(f"delete from sys.{table} where {where}", *pair)


def _create_user(server: FakeSqlServer, name: str, login: str) -> None:
    if server.query("select 1 from sys.users where db = ? and name = ?", server.here, name):
        raise error(15023, f"User '{name}' already exists in the current database.")
    sid = server.one("sid", "sql_logins", login)
    server.query("insert into sys.users (db, name, sid) values (?, ?, ?)", server.here, name, sid)
    _permit(server, "grant", "CONNECT", "", name, "")


def _schema(server: FakeSqlServer, name: str, schema: str) -> None:
    sql = "update sys.users set default_schema_name = ? where principal_id = ?"
    server.query(sql, schema, server.user_id(name))


def _permit(server: FakeSqlServer, verb: str, what: str, on: str, name: str, option: str) -> None:
    state = "D" if verb == "deny" else "W" if option else "G"
    if what in ("CONNECT SQL", "VIEW SERVER STATE"):
        if server.here != "master":
            raise error(4621, "Permissions at the server scope are granted in master only.")
        row = (100, 0, server.login_id(name))
        sql = "delete from sys.server_permissions where permission_name = ? and class = ?"
        server.query(f"{sql} and major_id = ? and grantee_principal_id = ?", what, *row)
        if verb != "revoke":
            server.query(
                "insert into sys.server_permissions values (?, ?, ?, ?, ?)", state, what, *row
            )
        return
    where = (*_securable(server, on), server.user_id(name))
    server.query(
        "delete from sys.permissions where db = ? and permission_name = ? and class = ?"
        " and major_id = ? and minor_id = ? and grantee_principal_id = ?",
        *(server.here, what, *where),
    )
    if verb != "revoke":
        sql = "insert into sys.permissions values (?, ?, ?, ?, ?, ?, ?)"
        server.query(sql, server.here, state, what, *where)


def _securable(server: FakeSqlServer, on: str) -> tuple[int, int, int]:
    if not on:
        return 0, 0, 0
    if found := re.fullmatch(rf" on schema::{NAME}", on):
        return 3, server.one("schema_id", "schemas", found[1]), 0
    found = re.fullmatch(rf" on object::{NAME}\.{NAME}(?: \({NAME}\))?", on)
    assert found, on
    names = [(n or "").replace("]]", "]") for n in found.groups()]
    table = server.one("object_id", "all_objects", names[1])
    column = server.one("column_id", "all_columns", names[2]) if names[2] else 0
    return 1, table, column


def _kill(server: FakeSqlServer, *numbers: str) -> None:
    assert len(set(numbers)) == 1
    if server.me not in ("admin", "killer"):
        raise error(6102, "User does not have permission to use the KILL statement.")
    server.query("delete from sys.dm_exec_sessions where session_id = ?", int(numbers[0]))


_STATEMENTS: dict[str, Any] = {
    r"set lock_timeout 5000": lambda _: None,
    rf"use {NAME}": _use,
    rf"alter login {NAME} with password = {TEXT}(?: old_password = {TEXT})?": _alter_password,
    rf"create login {NAME} with password = {TEXT}, sid = 0x([0-9A-F]{{32}})": _create_login,
    rf"alter login {NAME} with default_database = {NAME}, default_language = {NAME}, "
    r"check_policy = (on|off), check_expiration = (on|off)": _alter_defaults,
    rf"alter server role {NAME} (add|drop) member {NAME}": _server_role,
    rf"alter role {NAME} (add|drop) member {NAME}": _role,
    rf"create user {NAME} for login {NAME}": _create_user,
    rf"alter user {NAME} with default_schema = {NAME}": _schema,
    rf"(grant|deny) ([A-Z ]+)( on .+)? to {NAME}( with grant option)?": _permit,
    rf"(revoke) ([A-Z ]+)( on .+)? from {NAME} (cascade)": _permit,
    r"if exists \(select 1 from sys.dm_exec_sessions where session_id = (\d+) "
    r"and original_login_name = suser_sname\(\)\) kill (\d+)": _kill,
}
