"""
The SMTP interface of Amazon SES: its password is computed from an access key of an IAM user.

What is stored is the key's id and that password. The secret key itself, with which all of AWS
would be open and not only the sending of mail, is forgotten as soon as the password is known.
"""

from __future__ import annotations

import base64
import hmac
import json
import re
import smtplib
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from wickie.credentials import Sensitive, read_document
from wickie.errors import (
    AuthenticationError,
    ConfigError,
    ProviderError,
    ProviderUnavailableError,
    redacted,
)
from wickie.providers.iam_user import IamUser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from wickie.providers import Context

# https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html
_DERIVATION: Final = ("ses", "aws4_request", "SendRawEmail")
_DATE: Final = "11111111"
_VERSION: Final = b"\x04"

# Public endpoints, FIPS endpoints and those of a VPC. A secret that named another server would
# have the new password sent there, so no other is signed in to but one's own machine.
_HOST: Final = re.compile(
    r"(?:.+\.)?email-smtp(?:-fips)?\.([a-z0-9-]+)\.(?:.+\.)?amazonaws\.com(?:\.cn)?"
)
_OWN: Final = "localhost"
_PORT: Final = 587
_TLS_FIRST: Final = frozenset({465, 2465})
_ANSWER_SECONDS: Final = 10

# https://docs.aws.amazon.com/ses/latest/dg/troubleshoot-smtp.html#troubleshoot-smtp-response-codes
_REFUSED: Final = 535
_ASK_AGAIN: Final = range(400, 500)


@dataclass(frozen=True)
class SmtpLogin:
    """Whoever may send mail, and where."""

    username: str
    """The id of an access key."""
    password: Sensitive
    host: str
    port: int
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The secret's whole JSON but the password, so that keys unknown to wickie survive."""

    @property
    def place(self) -> tuple[object, ...]:
        """See `Credential`."""
        return "ses-smtp", self.host, self.port

    @property
    def holder(self) -> str:
        """See `Credential`."""
        return self.username

    @property
    def secret(self) -> Sensitive:
        """See `Credential`."""
        return self.password

    def to_secret_string(self) -> str:
        """See `Credential`."""
        return json.dumps(
            {**self.document, "username": self.username, "password": self.password.reveal()}
        )


@dataclass(frozen=True)
class SesSmtp:
    """An `Issuer` and a `Witness` for the user that `options` names."""

    context: Context

    def parse(self, text: str, name: str) -> SmtpLogin:
        """See `Provider.parse`. The region of the endpoint, if given, is that of the password."""
        document = read_document(text, name, ("username", "password"))
        password = Sensitive(document.pop("password"))
        host = document.get("host") or f"email-smtp.{self.context.clients.region}.amazonaws.com"
        if host != _OWN and not _HOST.fullmatch(str(host)):
            raise ConfigError(
                f"secret {name} names a host that is no SMTP endpoint of SES; take host out of it, "
                f"or write email-smtp.<region>.amazonaws.com"
            )
        try:
            port = int(document.get("port") or _PORT)
        except (TypeError, ValueError):
            raise ConfigError(f"secret {name} has a port that is no number; correct it") from None
        return SmtpLogin(document["username"], password, host, port, document)

    def sign_in(self, login: SmtpLogin) -> str:
        """See `Provider.sign_in`. SES does not tell whose the key is, which IAM does."""
        with _errors_of(login), self._session(login) as smtp:
            # Not login(), which tries a refused password again by the next mechanism.
            smtp.ehlo()
            smtp.user, smtp.password = login.username, login.password.reveal()
            smtp.auth("PLAIN", smtp.auth_plain)
        return self._user.owner_of(login.username)

    def issue(
        self, current: SmtpLogin, previous: Callable[[], SmtpLogin | None], token: str
    ) -> SmtpLogin:
        """See `Issuer.issue`."""
        key_id, secret_key = self._user.issue(current.username, previous, token)
        found = _HOST.fullmatch(current.host)
        region = found[1] if found else self.context.clients.region
        password = smtp_password(secret_key, region)
        return replace(current, username=key_id, password=password)

    def revoke(self, old: SmtpLogin, current: SmtpLogin) -> None:
        """See `Issuer.revoke`."""
        self._user.revoke(old.username, current.username)

    def used_since(self, old: SmtpLogin, current: SmtpLogin, since: datetime) -> str | None:
        """See `Witness.used_since`."""
        del current
        return self._user.used_since(old.username, since)

    @property
    def _user(self) -> IamUser:
        return IamUser.of(self.context)

    @contextmanager
    def _session(self, login: SmtpLogin) -> Iterator[smtplib.SMTP]:
        """Open a connection secured by verified TLS, from the start or by STARTTLS."""
        trust = ssl.create_default_context()
        if self.context.ca_bundle:
            trust.load_verify_locations(cafile=self.context.ca_bundle)
        where = login.host, login.port, _OWN  # the last is our name, else asked of the DNS
        if login.port in _TLS_FIRST:
            with smtplib.SMTP_SSL(*where, timeout=_ANSWER_SECONDS, context=trust) as smtp:
                yield smtp
            return
        with smtplib.SMTP(*where, timeout=_ANSWER_SECONDS) as smtp:
            smtp.starttls(context=trust)
            yield smtp


def smtp_password(secret_key: Sensitive, region: str) -> Sensitive:
    """Compute the SMTP password of an access key, which SES takes in one region only."""
    signature = f"AWS4{secret_key.reveal()}".encode()
    for part in (_DATE, region, *_DERIVATION):
        signature = hmac.digest(signature, part.encode(), "sha256")
    return Sensitive(base64.b64encode(_VERSION + signature).decode())


@contextmanager
def _errors_of(login: SmtpLogin) -> Iterator[None]:
    place = f"{login.host}:{login.port}"
    with redacted(login.password):
        try:
            yield
        except smtplib.SMTPAuthenticationError as error:
            raise _refusal(error, login, place) from None
        except smtplib.SMTPNotSupportedError:
            raise ProviderError(
                f"{place} offers no STARTTLS; correct host and port in the secret"
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise ProviderError(
                f"TLS certificate of {place} is not to be trusted: {error.verify_message}; "
                f"correct host in the secret"
            ) from None
        except ssl.SSLError as error:
            raise ProviderError(f"TLS with {place} failed: {error.reason}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise ProviderUnavailableError(
                f"cannot reach {place} ({type(error).__name__}); check host and port in the "
                f"secret, and the security group"
            ) from None


def _refusal(error: smtplib.SMTPAuthenticationError, login: SmtpLogin, place: str) -> ProviderError:
    if error.smtp_code == _REFUSED:
        return AuthenticationError(f"{place} does not honour the password of {login.username}")
    kind = ProviderUnavailableError if error.smtp_code in _ASK_AGAIN else ProviderError
    return kind(f"{place} did not let {login.username} sign in (SMTP {error.smtp_code})")
