"""How TLS is done for a login: on unless the secret says otherwise, and always verified."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, ProviderError

if TYPE_CHECKING:
    from wickie.credentials import DatabaseLogin

# Where Lambda keeps the CAs of RDS, which are in no public bundle:
# https://docs.aws.amazon.com/lambda/latest/dg/python-package.html
_LAMBDA_CAS: Final = Path("/var/runtime/ca-cert.pem")


def plaintext_wanted(login: DatabaseLogin) -> bool:
    """Whether the secret says `"ssl": false`, in text or not, as AWS's own functions take it."""
    return str(login.document.get("ssl", True)).lower() == "false"


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
