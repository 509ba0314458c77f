"""A MongoDB session over verified TLS, with its failures told apart."""

from __future__ import annotations

import ssl
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import pymongo
import pymongo.errors

from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
    redacted,
)
from wickie.providers.tls import CONNECT_SECONDS, plaintext_wanted, require_reachable, trust

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.credentials import DatabaseLogin, Sensitive

APPLICATION: Final = "wickie"
"""Our name in the server's log."""
_NO_TLS: Final = (
    "where it offers no TLS, enable it there, or, where plaintext is acceptable, "
    'set "ssl": false in the secret'
)
_ANSWER_SECONDS: Final = 15
_MILLI: Final = 1000

# https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml
_AUTHENTICATION_FAILED: Final = 18
_NOT_PERMITTED: Final = 13
_ASK_AGAIN: Final = frozenset({6, 7, 24, 46, 50, 89, 91, 112, 189, 10107, 11600, 11602, 13435})


class Session(Protocol):
    """What is used of a connection."""

    def command(
        self, command: Mapping[str, Any], of: DatabaseLogin | None = None
    ) -> Mapping[str, Any]:
        """Run a command in `admin`, or where the user `of` is defined, and return the reply."""


class _Client:
    """The driver's client as a `Session`."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def command(
        self, command: Mapping[str, Any], of: DatabaseLogin | None = None
    ) -> Mapping[str, Any]:
        reply: Mapping[str, Any] = self._client[_source(of)].command(dict(command))
        return reply


@contextmanager
def session(login: DatabaseLogin, ca_bundle: str | None, *others: Sensitive) -> Iterator[Session]:
    """
    Sign in as `login`; errors are those of `Provider.sign_in`, in the body too.

    Their texts hold neither its password nor any of `others`.
    """
    secrets = login.password, *others
    place = f"{login.host}:{login.port}"
    context = None if plaintext_wanted(login) else trust(login, ca_bundle)
    _require_one_host(login)
    require_reachable(login, context, _NO_TLS)
    with (
        redacted(*secrets),
        tempfile.TemporaryDirectory() as scratch,
        _errors_of(login, place, *secrets),
        pymongo.MongoClient(
            login.host,
            login.port,
            username=login.username,
            password=login.password.reveal(),
            authSource=_source(login),
            appname=APPLICATION,
            # A cluster's name leads to whom it chose; a set of replicas, to the primary.
            directConnection="replicaSet" not in login.document,
            replicaSet=login.document.get("replicaSet"),
            retryWrites=False,  # of which DocumentDB knows nothing
            connectTimeoutMS=CONNECT_SECONDS * _MILLI,
            serverSelectionTimeoutMS=CONNECT_SECONDS * _MILLI,
            socketTimeoutMS=_ANSWER_SECONDS * _MILLI,
            **_tls(context, Path(scratch)),
        ) as client,
    ):
        opened = _Client(client)
        opened.command({"ping": 1})  # the driver signs in when it is asked for something
        yield opened


def _source(login: DatabaseLogin | None) -> str:
    return (login.dbname if login else None) or "admin"


def _tls(context: ssl.SSLContext | None, scratch: Path) -> dict[str, Any]:
    """Say in the driver's words whom `context` trusts: it takes CAs as a file only."""
    if context is None:
        return {"tls": False}
    trusted = [ssl.DER_cert_to_PEM_cert(der) for der in context.get_ca_certs(binary_form=True)]
    if not trusted:
        return {"tls": True}
    path = scratch / "ca.pem"
    path.write_text("".join(trusted))
    return {"tls": True, "tlsCAFile": str(path)}


def _require_one_host(login: DatabaseLogin) -> None:
    if "," in login.host or login.host.startswith("mongodb"):
        raise ConfigError(f"host {login.host} is not one host name; correct it in the secret")


@contextmanager
def _errors_of(login: DatabaseLogin, place: str, *secrets: Sensitive) -> Iterator[None]:
    try:
        yield
    except pymongo.errors.OperationFailure as error:
        text = " ".join(str((error.details or {}).get("errmsg", error)).split())
        for secret in secrets:
            text = text.replace(secret.reveal(), "[redacted]")
        raise _refusal(error.code, text, login, place) from None
    except pymongo.errors.ConnectionFailure as error:
        raise ProviderUnavailableError(
            f"{place} stopped answering {login.username} ({type(error).__name__}); try again later"
        ) from None


def _refusal(code: int | None, text: str, login: DatabaseLogin, place: str) -> ProviderError:
    if code == _AUTHENTICATION_FAILED:
        return AuthenticationError(f"{place} does not honour the password of {login.username}")
    if code in _ASK_AGAIN:
        return ProviderUnavailableError(f"{place} cannot serve {login.username} now: {text}")
    if code == _NOT_PERMITTED:
        return ProviderError(f"{login.username} lacks a privilege at {place}: {text}; grant it")
    return ProviderError(f"{place} refused {login.username}: {text} ({code})")
