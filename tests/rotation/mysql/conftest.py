"""A real MariaDB, and the provider for it."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from local.mariadb import MariaDB as LocalMariaDB
from local.mariadb import MissingError
from tests.rotation.conftest import SecretsManager
from wickie.aws import Clients
from wickie.credentials import DatabaseLogin, Sensitive
from wickie.model import Verdict
from wickie.providers import Context, verify
from wickie.providers.mysql import MariaDB
from wickie.providers.mywire import account, literal, session


def mariadb(ca_bundle: str | None = None) -> MariaDB:
    """The provider under test."""
    return MariaDB(Context(Clients(), ca_bundle=ca_bundle))


def lacking(provider: Any, clone: DatabaseLogin, base: DatabaseLogin) -> set[str]:
    """What the base may do and the clone may not."""
    has, wanted = (set(provider.sign_in(login).split("; ")) for login in (clone, base))
    return wanted - has


def changed(login: DatabaseLogin, **document: Any) -> DatabaseLogin:
    return replace(login, document={**login.document, **document})


def secret() -> Sensitive:
    return Sensitive(secrets.token_urlsafe(24))


@dataclass(frozen=True)
class Server:
    """A MariaDB server as its administrator sees it."""

    local: LocalMariaDB

    @property
    def admin(self) -> DatabaseLogin:
        return self.local.admin

    def run(self, *statements: str, by: DatabaseLogin | None = None) -> Any:
        with session(by or self.admin, None) as connection:
            for statement in statements:
                rows = connection.run(statement)
            return rows

    def user(
        self, name: str | None = None, options: str = "", host: str = "%", **document: Any
    ) -> DatabaseLogin:
        """A new account that may sign in."""
        name, password = name or f"app_{uuid.uuid4().hex[:12]}", secret()
        who = account(name, host)
        self.run(f"create user {who} identified by {literal(password.reveal())} {options}")
        return changed(self.login(name, password), **document)

    def login(self, name: str, password: Sensitive) -> DatabaseLogin:
        document = {**self.admin.document, "username": name, "team": "lighthouse"}
        return replace(self.admin, username=name, password=password, document=document)

    def grants(self, name: str, host: str = "%") -> list[str]:
        """What an account was granted, with neither its name nor its password."""
        rows = self.run(f"show grants for {account(name, host)}")
        texts = (row[0].split(" IDENTIFIED BY PASSWORD ")[0] for row in rows)
        return sorted(text.replace(account(name, host), "…") for text in texts)

    def verdict(self, login: DatabaseLogin) -> Verdict:
        return verify(mariadb(), login)[0]


@contextmanager
def running(*, tls: bool = True) -> Iterator[Server]:
    """Start a server, or skip where there is none."""
    try:
        with LocalMariaDB(tls=tls) as local:
            yield Server(local)
    except MissingError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture(scope="session")
def plain() -> Iterator[Server]:
    """A server that offers no TLS, which saves a handshake per login."""
    with running(tls=False) as server:
        yield server


@pytest.fixture(scope="module")
def aws(aws: SecretsManager) -> SecretsManager:
    return replace(aws, settings=replace(aws.settings, engine="mariadb"))
