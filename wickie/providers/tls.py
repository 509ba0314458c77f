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
ANSWER_SECONDS: Final = 15

# Where Lambda keeps the CAs of RDS, which are in no public bundle:
# https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
_LAMBDA_CAS: Final = Path("/var/runtime/ca-cert.pem")


def plaintext_wanted(login: DatabaseLogin) -> bool:
    """Whether the secret says `"ssl": false`, in text or not, as AWS's own functions take it."""
    return str(login.document.get("ssl", True)).lower() == "false"


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
        if plaintext_wanted(login):
            plain.settimeout(ANSWER_SECONDS)
        yield plain


def secured(plain: socket.socket, login: DatabaseLogin, ca_bundle: str | None) -> ssl.SSLSocket:
    """
    Shake hands over TLS with a server that is ready for it.

    Raises:
        ProviderError: its certificate is not to be trusted, or it speaks no TLS.
        ProviderUnavailableError: it did not answer in time.
    """
    place = f"{login.host}:{login.port}"
    context = trust(login, ca_bundle)
    try:
        secure = context.wrap_socket(plain, server_hostname=login.host)
    except ssl.SSLError as error:
        raise tls_failure(place, error) from None
    secure.settimeout(ANSWER_SECONDS)
    return secure


def require_reachable(login: DatabaseLogin, context: ssl.SSLContext | None, hint: str) -> None:
    """Tell apart what a driver does not that reports any failure to connect alike."""
    place = f"{login.host}:{login.port}"
    try:
        with socket.create_connection((login.host, login.port), CONNECT_SECONDS) as plain:
            if context:
                context.wrap_socket(plain, server_hostname=login.host).close()
    except ssl.SSLError as error:
        raise tls_failure(place, error) from None
    except OSError as error:
        raise ProviderUnavailableError(
            f"cannot reach {place} ({error.strerror or error}); check host and port in the "
            f"secret, and the security group; {hint}"
        ) from None


def trust(login: DatabaseLogin, ca_bundle: str | None) -> ssl.SSLContext:
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


def no_tls(place: str) -> ProviderError:
    """What to raise where the server offers none."""
    return ProviderError(
        f"{place} offers no TLS; enable it there, or, where plaintext is acceptable, "
        f'set "ssl": false in the secret'
    )


def tls_failure(place: str, error: ssl.SSLError) -> ProviderError:
    """What to raise where the handshake failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return ProviderError(
            f"TLS certificate of {place} is not to be trusted: {error.verify_message}; put its "
            f"CA into the secret as sslrootcert (PEM), or correct host"
        )
    return ProviderError(f"TLS with {place} failed: {error.reason}")
