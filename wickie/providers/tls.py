"""A connection to the server that a login names: reached, and secured by TLS that is verified."""

from __future__ import annotations

import socket
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wickie.credentials import DatabaseLogin

CONNECT_SECONDS: Final = 5
_ANSWER_SECONDS: Final = 15

# Where Lambda keeps the CAs of RDS, which are in no public bundle:
# https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
_LAMBDA_CAS: Final = Path("/var/runtime/ca-cert.pem")


def wants_tls(login: DatabaseLogin) -> bool:
    """Whether the connection is to be secured: unless the secret says `"ssl": false`."""
    return str(login.document.get("ssl", True)).lower() != "false"


@contextmanager
def connected(login: DatabaseLogin) -> Iterator[socket.socket]:
    """Reach the server, in plaintext as yet. Raises `ProviderUnavailableError`."""
    place = f"{login.host}:{login.port}"
    try:
        plain = socket.create_connection((login.host, login.port), CONNECT_SECONDS)
    except OSError as error:
        raise ProviderUnavailableError(
            f"cannot reach {place} ({error.strerror or error}); check host and port in the "
            f"secret, and the security group"
        ) from None
    with plain:
        if not wants_tls(login):
            plain.settimeout(_ANSWER_SECONDS)
        yield plain


def secured(plain: socket.socket, login: DatabaseLogin, ca_bundle: str | None) -> ssl.SSLSocket:
    """
    Shake hands over TLS with a server that is ready for it.

    Raises:
        ProviderError: its certificate is not to be trusted, or it speaks no TLS.
        ProviderUnavailableError: it did not answer in time.
    """
    place = f"{login.host}:{login.port}"
    context = _trust(login, ca_bundle)
    try:
        secure = context.wrap_socket(plain, server_hostname=login.host)
    except ssl.SSLCertVerificationError as error:
        raise ProviderError(
            f"TLS certificate of {place} is not to be trusted: {error.verify_message}; put its "
            f"CA into the secret as sslrootcert (PEM), or correct host"
        ) from None
    except ssl.SSLError as error:
        raise ProviderError(f"TLS with {place} failed: {error.reason}") from None
    secure.settimeout(_ANSWER_SECONDS)
    return secure


def _trust(login: DatabaseLogin, ca_bundle: str | None) -> ssl.SSLContext:
    """Trust the secret's own CA alone where it names one, else the platform's and `ca_bundle`."""
    try:
        if pem := login.document.get("sslrootcert"):
            return ssl.create_default_context(cadata=pem)
        context = ssl.create_default_context()
        for bundle in (_LAMBDA_CAS if _LAMBDA_CAS.exists() else None, ca_bundle):
            if bundle:
                context.load_verify_locations(cafile=bundle)
    except (OSError, TypeError, ValueError):  # ssl.SSLError is an OSError
        origin = "sslrootcert in the secret" if pem else f"CA bundle {ca_bundle}"
        raise ConfigError(f"{origin} holds no PEM certificate; correct it") from None
    return context
