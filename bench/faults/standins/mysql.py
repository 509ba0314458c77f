"""
A stand-in for MySQL 8: its protocol over TLS, and what its manual says of accounts.

No package here carries MySQL. What it does with two passwords, REPLACE and privileges is what
sql/auth/sql_user.cc of the server does.
"""

from __future__ import annotations

import functools
import re
import socket
import socketserver
import ssl
import struct
import threading
from dataclasses import dataclass, field
from typing import Any

from local.certificates import make_certificates
from wickie.providers.mypassword import caching_sha2_hash, native_hash

_CAPABILITIES = 0x3FA20F  # all that is asked of it here, TLS (0x800) apart
_TLS = 0x800
_STRING = r"'((?:[^'\\]|\\.)*)'"
_HASHED = rf"identified with (\w+) as {_STRING}"
_MORE = rf"(?: replace {_STRING})?( retain current password)?"
_ACCOUNT = r"`((?:[^`]|``)+)`@`([^`]+)`"


_SETTINGS = (
    "REQUIRE NONE PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK PASSWORD HISTORY DEFAULT "
    "PASSWORD REUSE INTERVAL DEFAULT PASSWORD REQUIRE CURRENT DEFAULT"
)


class RefusedError(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code, self.text = code, text


_hashed = functools.cache(caching_sha2_hash)  # as the plugin's name says


@dataclass
class Account:
    first: str
    """What is stored for its password."""
    second: str | None = None
    plugin: str = "caching_sha2_password"
    privileged: bool = False
    """Whether it has CREATE USER and the like."""
    two_passwords: bool = True
    """Whether it has APPLICATION_PASSWORD_ADMIN."""
    grants: dict[str, set[str]] = field(default_factory=dict)
    """Privileges by what they are on."""
    default_roles: list[tuple[str, str]] = field(default_factory=list)

    def honours(self, password: str) -> bool:
        return any(_is_of(password, stored) for stored in (self.first, self.second) if stored)


def _is_of(password: str, stored: str) -> bool:
    if stored.startswith("$A$005$"):
        return _hashed(password, stored[7:27]) == stored
    return native_hash(password) == stored


class StandIn(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 50

    def __init__(self, version: str = "8.4.3") -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        certificates = make_certificates(("localhost",))
        self.ca_pem, self.version = certificates.ca_pem, version
        self.tls: ssl.SSLContext | None = None
        self.certificates = certificates
        self.accounts: dict[tuple[str, str], Account] = {}
        self.sessions: dict[int, _Connection] = {}
        self.statements: list[str] = []
        self.after: Any = lambda: None
        """Called after each statement."""
        self.asks_for = "caching_sha2_password"
        self.received = b""
        """What clients answered to a request for the password as it is, without TLS."""
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def offer_tls(self, pem: Any) -> None:
        pem.write_text(self.certificates.key_pem + self.certificates.certificate_pem)
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(pem)

    def key_of(self, user: str) -> tuple[str, str]:
        return next((key for key in self.accounts if key[0] == user), (user, "nowhere"))

    def find(self, user: str) -> Account:
        return self.accounts[self.key_of(user)]


class _Connection(socketserver.BaseRequestHandler):
    server: StandIn
    user = ""

    def handle(self) -> None:
        server, self.id = self.server, threading.get_ident()
        try:
            self._greet()
            server.sessions[self.id] = self
            while (packet := self._read()) and packet[0] != 1:  # COM_QUIT
                self._answer(packet[1:].decode())
        except (OSError, RefusedError, struct.error):
            pass
        finally:
            server.sessions.pop(self.id, None)

    def _greet(self) -> None:
        server, salt = self.server, b"s" * 20
        offered = _CAPABILITIES | (_TLS if server.tls else 0)
        self._seq = 0
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._write(
            b"\x0a" + server.version.encode() + b"\0" + struct.pack("<I", self.id & 0xFFFF)
            + salt[:8] + b"\0" + struct.pack("<HBHHB", offered & 0xFFFF, 45, 2, offered >> 16, 21)
            + bytes(10) + salt[8:] + b"\0" + b"caching_sha2_password\0"
        )  # fmt: skip
        packet = self._read()
        if len(packet) == 32:  # an SSLRequest
            assert server.tls
            self.request = server.tls.wrap_socket(self.request, server_side=True)
            packet = self._read()
        self.user = packet[32 : packet.index(b"\0", 32)].decode()
        if server.asks_for == "caching_sha2_password":
            self._write(b"\x01\x04")  # perform full authentication: the password over TLS
        else:
            self._write(b"\xfe" + server.asks_for.encode() + b"\0" + salt + b"\0")
        password = self._read()
        server.received = password
        account = server.accounts.get(server.key_of(self.user))
        if account is None or not account.honours(password[:-1].decode()):
            denied = RefusedError(1045, f"Access denied for user '{self.user}'@'localhost'")
            self._refuse(denied)
            raise denied
        self._ok()

    def _answer(self, sql: str) -> None:
        self.server.statements.append(sql)
        try:
            rows = self._execute(sql)
        except RefusedError as error:
            self._refuse(error)
        else:
            self._ok() if rows is None else self._rows(rows)
        self.server.after()

    def _execute(self, sql: str) -> Any:
        for pattern, method in _STATEMENTS:
            if match := re.fullmatch(pattern, sql, flags=re.IGNORECASE | re.DOTALL):
                return method(self, *match.groups())
        raise RefusedError(1064, f"You have an error in your SQL syntax near '{sql}'")

    def _read(self) -> bytes:
        head = self._exactly(4)
        self._seq = head[3] + 1
        return self._exactly(int.from_bytes(head[:3], "little"))

    def _exactly(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            if not (more := self.request.recv(count - len(data))):
                raise ConnectionError
            data += more
        return data

    def _write(self, payload: bytes) -> None:
        self.request.sendall(len(payload).to_bytes(3, "little") + bytes([self._seq]) + payload)
        self._seq += 1

    def _ok(self) -> None:
        self._write(b"\0\0\0\x02\0\0\0")

    def _refuse(self, error: RefusedError) -> None:
        self._write(b"\xff" + struct.pack("<H", error.code) + b"#HY000" + error.text.encode())

    def _rows(self, rows: list[tuple[Any, ...]]) -> None:
        width = len(rows[0]) if rows else 1
        self._write(bytes([width]))
        for _ in range(width):
            kind = struct.pack("<BHIBHB", 12, 45, 1024, 253, 0, 0) + bytes(2)
            self._write(b"".join(_text(t) for t in ("def", "", "", "", "c", "c")) + kind)
        self._write(b"\xfe\0\0\x02\0")
        for row in rows:
            self._write(b"".join(b"\xfb" if v is None else _text(str(v)) for v in row))
        self._write(b"\xfe\0\0\x02\0")


def _text(value: str) -> bytes:
    data = value.encode()
    return (
        bytes([len(data)]) if len(data) < 251 else b"\xfc" + struct.pack("<H", len(data))
    ) + data


def _plain(escaped: str) -> str:
    return re.sub(r"\\(.)", r"\1", escaped, flags=re.DOTALL)


def _own(self: _Connection, new: str, old: str | None, retain: str | None) -> None:
    account = self.server.find(self.user)
    if old is not None and not _is_of(_plain(old), account.first):
        raise RefusedError(3891, "Incorrect current password")
    if retain:
        _require(account.two_passwords, "APPLICATION_PASSWORD_ADMIN")
        account.second = account.first
    account.first = caching_sha2_hash(_plain(new))


def _discard(self: _Connection) -> None:
    account = self.server.find(self.user)
    _require(account.two_passwords, "APPLICATION_PASSWORD_ADMIN")
    account.second = None


def _require(holds: bool, privilege: str) -> None:
    if not holds:
        raise RefusedError(1227, f"Access denied; you need the {privilege} privilege")


def _create(self: _Connection, user: str, host: str, plugin: str, text: str) -> None:
    _require(self.server.find(self.user).privileged, "CREATE USER")
    self.server.accounts[user, host] = Account(_plain(text), plugin=plugin)


def _alter(self: _Connection, user: str, host: str, plugin: str, text: str) -> None:
    _require(self.server.find(self.user).privileged, "CREATE USER")
    account = self.server.accounts[user, host]
    account.first, account.plugin = _plain(text), plugin


def _grant(self: _Connection, what: str, on: str, user: str, host: str) -> None:
    _require(self.server.find(self.user).privileged, "CREATE USER")
    self.server.accounts[user, host].grants.setdefault(on, set()).update(what.split(", "))


def _show_grants(self: _Connection, user: str | None, host: str | None) -> list[tuple[str]]:
    key = (user, host) if user and host else self.server.key_of(self.user)
    account, to = self.server.accounts[key], f"`{key[0]}`@`{key[1]}`"
    rows = [(f"GRANT USAGE ON *.* TO {to}",)]
    return rows + [(f"GRANT {', '.join(p)} ON {on} TO {to}",) for on, p in account.grants.items()]


def _show_user(self: _Connection, user: str, host: str) -> list[tuple[str]]:
    account = self.server.accounts[user, host]
    stored = f"'{account.plugin}' AS 0x{account.first.encode().hex()}"
    return [(f"CREATE USER `{user}`@`{host}` IDENTIFIED WITH {stored} {_SETTINGS}",)]


def _roles(self: _Connection, user: str, host: str, roles: str) -> None:
    _require(self.server.find(self.user).privileged, "CREATE USER")
    self.server.accounts[user, host].default_roles = re.findall(_ACCOUNT, roles)


def _kill(self: _Connection, number: str) -> None:
    if not (other := self.server.sessions.pop(int(number), None)):
        raise RefusedError(1094, f"Unknown thread id: {number}")
    other.request.close()


_STATEMENTS: tuple[tuple[str, Any], ...] = (
    (r"set (?:names|autocommit|session) [^;]+", lambda _: None),
    (r"select version\(\)", lambda self: [(self.server.version,)]),
    (r"select connection_id\(\)", lambda self: [(self.id,)]),
    (r"select current_role\(\)", lambda _: [("NONE",)]),
    (r"select get_lock\(.*\)", lambda _: [(1,)]),
    (r"select current_user\(\)", lambda self: [("@".join(self.server.key_of(self.user)),)]),
    (
        rf"select user, host, plugin from mysql\.user where user = {_STRING} and true",  # noqa: S608
        lambda self, user: [
            (*key, a.plugin) for key, a in self.server.accounts.items() if key[0] == user
        ],
    ),
    (
        rf"select default_role_user, .* where user = {_STRING} and host = {_STRING} order by 1, 2",
        lambda self, user, host: list(self.server.accounts[user, host].default_roles),
    ),
    (
        r"show processlist",
        lambda self: [(n, s.user) for n, s in self.server.sessions.items() if s.user == self.user],
    ),
    (r"kill (\d+)", _kill),
    (rf"show grants(?: for {_ACCOUNT})?", _show_grants),
    (rf"show create user {_ACCOUNT}", _show_user),
    (rf"grant (.+) on (.+) to {_ACCOUNT}", _grant),
    (rf"alter user {_ACCOUNT} default role (.+)", _roles),
    (rf"create user {_ACCOUNT} {_HASHED}", _create),
    (rf"alter user {_ACCOUNT} {_HASHED}", _alter),
    (rf"alter user user\(\) identified by {_STRING}{_MORE}", _own),
    (r"alter user user\(\) discard old password", _discard),
)
