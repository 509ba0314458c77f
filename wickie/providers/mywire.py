"""A session with MySQL or MariaDB over verified TLS, with its failures told apart."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pymysql
from pymysql.converters import escape_string

from wickie.errors import (
    AuthenticationError,
    NotFoundError,
    ProviderError,
    ProviderUnavailableError,
    redacted,
)
from wickie.providers.tls import no_tls, plaintext_wanted, tls_failure, trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.credentials import DatabaseLogin

CONNECT_SECONDS: Final = 5
ANSWER_SECONDS: Final = 10

# https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html and
# https://mariadb.com/kb/en/mariadb-error-code-reference/ (4151, 1927, 1969)
_REFUSED: Final = frozenset({1045, 1698})
# A server looks at the lock, at expiry and at the schema once the password has proved right.
_REMEDIES: Final = {
    3118: "unlock the account: ALTER USER … ACCOUNT UNLOCK",
    4151: "unlock the account: ALTER USER … ACCOUNT UNLOCK",
    1862: "the password is right but has expired: ALTER USER … PASSWORD EXPIRE NEVER",
    1820: "the password is right but has expired: ALTER USER … PASSWORD EXPIRE NEVER",
    1049: "correct dbname in the secret",
    1130: "admit this client's address in the host part of the user's account",
    3159: 'take "ssl": false out of the secret',
    1290: "name the writer as host in the secret, if this is a replica",
    1836: "name the writer as host in the secret",
    3638: "ALTER USER … PASSWORD HISTORY 0 PASSWORD REUSE INTERVAL 0 DAY",
}
_ASK_AGAIN: Final = frozenset({
    1040, 1053, 1203, 1205, 1213, 1226, 1317, 1927, 1969, 3024, 3955,
    2003, 2006, 2013, 2055,
})  # fmt: skip
_NOT_PERMITTED: Final = frozenset({1044, 1045, 1095, 1142, 1143, 1227, 1370, 1410, 1698})
_NO_SUCH_THREAD: Final = 1094
_NOT_THE_FIRST_PASSWORD: Final = 3891
_NO_TLS_OFFERED: Final = 2026
_QUOTES_THE_STATEMENT: Final = 1064


def literal(text: str) -> str:
    """Quote a string, for a session whose sql_mode is that of `prepare`."""
    return f"'{escape_string(text)}'"


def identifier(name: str) -> str:
    """Quote a name."""
    return "`{}`".format(name.replace("`", "``"))


def account(user: str, host: str) -> str:
    """Quote an account as SHOW GRANTS does."""
    return f"{identifier(user)}@{identifier(host)}"


@dataclass(frozen=True)
class Session:
    """One connection, whose every failure is of `wickie.errors`."""

    connection: pymysql.Connection[Any]
    login: DatabaseLogin

    def run(self, sql: str, *args: object) -> list[tuple[Any, ...]]:
        """
        Run a statement; `%s` in it stands for an argument, if any are given.

        Raises as `Provider.sign_in`, and `NotFoundError` for a session to be ended that is gone.
        `AuthenticationError` says that a REPLACE clause named what is not the first password.
        """
        with _errors_of(self.login, signed_in=True), self.connection.cursor() as cursor:
            cursor.execute(sql, args or None)
            return list(cursor.fetchall())

    def one(self, sql: str, *args: object) -> str:
        """Run a query for a single value, as text; empty for NULL."""
        value = self.run(sql, *args)[0][0]
        return "" if value is None else str(value)


@contextmanager
def session(login: DatabaseLogin, ca_bundle: str | None) -> Iterator[Session]:
    """Sign in as `login`; errors are those of `Provider.sign_in`."""
    with _errors_of(login, signed_in=False):
        connection = _connect(login, ca_bundle)
    try:
        yield Session(connection, login)
    finally:
        if connection.open:
            connection.close()


def other_sessions(connection: Session, user: str) -> list[int]:
    """Ids of the sessions of a user, but for this one. Those of others only some may see."""
    own = connection.one("select connection_id()")
    rows = connection.run("show processlist")
    return [row[0] for row in rows if row[1] == user and str(row[0]) != own]


class _NoCleartext:
    """In the place of what would send the password as it is to whoever asks for it."""

    def __init__(self, connection: object) -> NoReturn:
        raise ProviderError(
            f"{getattr(connection, 'host', 'the server')} asks for the password in plaintext over "
            f'a connection without TLS; take "ssl": false out of the secret'
        )


def _connect(login: DatabaseLogin, ca_bundle: str | None) -> pymysql.Connection[Any]:
    plaintext = plaintext_wanted(login)
    make: Any = pymysql.connect
    connection: pymysql.Connection[Any] = make(
        host=login.host,
        port=login.port,
        user=login.username,
        password=login.password.reveal().encode(),  # text it would encode as Latin-1
        database=login.dbname,
        charset="utf8mb4",
        autocommit=None,  # as the server has it: on
        program_name="wickie",
        read_timeout=ANSWER_SECONDS,
        write_timeout=ANSWER_SECONDS,
        # Left to itself the driver encrypts without verifying, and falls back to plaintext.
        ssl=None if plaintext else trust(login, ca_bundle),
        ssl_disabled=plaintext,
        auth_plugin_map=dict.fromkeys(("mysql_clear_password", "dialog"), _NoCleartext)
        if plaintext
        else {},
        defer_connect=True,
    )
    try:
        connection.connect(socket.create_connection((login.host, login.port), CONNECT_SECONDS))
    except OSError as error:
        raise ProviderUnavailableError(
            f"cannot reach {login.host}:{login.port} ({error.strerror or error}); check host and "
            f"port in the secret, and the security group"
        ) from None
    return connection


@contextmanager
def _errors_of(login: DatabaseLogin, *, signed_in: bool) -> Iterator[None]:
    place = f"{login.host}:{login.port}"
    with redacted(login.password):  # what else a driver raises when it is not answered in kind
        try:
            yield
        except pymysql.MySQLError as error:
            cause = getattr(error, "original_exception", None)
            if isinstance(cause, ssl.SSLError):
                raise tls_failure(place, cause) from None
            raise _refusal(error, login, place, signed_in=signed_in) from None
        except RuntimeError as error:  # a package for it is missing, says the driver
            raise ProviderError(
                f"{place} wants a method of authentication from {login.username} that wickie "
                f"does not know here ({error}); use caching_sha2_password over TLS, or "
                f"mysql_native_password"
            ) from None


def _refusal(
    error: pymysql.MySQLError, login: DatabaseLogin, place: str, *, signed_in: bool
) -> ProviderError | NotFoundError:
    """Read the server's error packet, or what the driver says instead of one."""
    code, text = error.args[0] if error.args else 0, " ".join(str(error.args[-1]).split())
    user = login.username
    if code in _REFUSED and not signed_in:
        hint = " (or wants TLS of it)" if plaintext_wanted(login) else ""
        return AuthenticationError(f"{place} does not honour the password of {user}{hint}")
    if code in _ASK_AGAIN:
        return ProviderUnavailableError(f"{place} cannot serve {user} now: {text}; try again later")
    if code in _NOT_PERMITTED:
        return ProviderError(
            f"{user} lacks a privilege at {place}: {text}; grant it to {user}: an administrator "
            f"needs CREATE USER, SELECT ON mysql.*, and WITH GRANT OPTION what it is to hand on"
        )
    others: dict[object, ProviderError | NotFoundError] = {
        _NO_TLS_OFFERED: no_tls(place),
        _NO_SUCH_THREAD: NotFoundError(f"{place}: {text}"),
        _NOT_THE_FIRST_PASSWORD: AuthenticationError(
            f"{place} holds another password of {user} for its first"
        ),
        _QUOTES_THE_STATEMENT: ProviderError(
            f"{place} does not understand a statement ({code}); upgrade it, or correct engine"
        ),
    }
    remedy = f"; {_REMEDIES[code]}" if code in _REMEDIES else ""
    return others.get(code) or ProviderError(f"{place} refused {user}: {text} ({code}){remedy}")
