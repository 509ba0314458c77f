"""
Signing keys: drawn at random, and honoured by whoever reads the secret.

No server issues them. A consumer signs by the key that is AWSCURRENT; it accepts that one,
AWSPREVIOUS, whose signatures are still about, and AWSPENDING, which others may sign by a moment
before it hears of that. One that can be asked says so by a URL (`verify`).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
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
from wickie.https import ASK_AGAIN, call, place

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wickie.providers import Context

# RFC 7518 §3.2: a key has the size of the hash at least.
_BYTES: Final = {"HS256": 32, "HS384": 48, "HS512": 64}
_MOST_BYTES: Final = 512
_HONOURED: Final = range(200, 300)
_REFUSED: Final = frozenset({401, 403})
_SECONDS: Final = 60
"""For which a challenge is good."""


@dataclass(frozen=True)
class SigningKey:
    """A symmetric key as a JSON Web Key: RFC 7517 §4, RFC 7518 §6.4."""

    kid: str
    k: Sensitive
    """The key's bytes in base64url."""
    alg: str = "HS256"
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The secret's whole JSON but the key, so that keys unknown to wickie survive."""

    @classmethod
    def parse(cls, text: str, name: str) -> SigningKey:
        """Parse the value of the secret `name`. Raises `ConfigError`."""
        document = read_document(text, name, ("kid", "k"))
        alg = document.get("alg", "HS256")
        if alg not in _BYTES:
            raise ConfigError(
                f"secret {name} has an alg other than {', '.join(_BYTES)}; choose one"
            )
        key = cls(document["kid"], Sensitive(document.pop("k")), alg, document)
        try:
            found = key.octets()
        except (ValueError, binascii.Error):
            found = b""
        if not found:
            raise ConfigError(f"k in secret {name} is no base64url; put the key's bytes there")
        return key

    @property
    def place(self) -> tuple[object, ...]:
        """See `Credential`. Its consumers are known to it no better than by the secret itself."""
        return "signing-key", "its consumers"

    @property
    def holder(self) -> str:
        """See `Credential`."""
        return self.kid

    @property
    def secret(self) -> Sensitive:
        """See `Credential`."""
        return self.k

    def to_secret_string(self) -> str:
        """See `Credential`."""
        return json.dumps({**self.document, "kid": self.kid, "k": self.k.reveal()})

    def octets(self) -> bytes:
        """What HMAC is given."""
        text = self.k.reveal()
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)

    def signed(self, claims: Mapping[str, object]) -> str:
        """
        A challenge, as a JSON Web Signature (RFC 7515 §7.1).

        Its `typ` is its own, lest it be taken for a token that lets somebody in: RFC 8725 §3.11.
        """
        header = {"alg": self.alg, "typ": "wickie-challenge+jwt", "kid": self.kid}
        text = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        digest = hmac.digest(self.octets(), text.encode(), f"sha{self.alg[2:]}")
        return f"{text}.{_base64url(digest)}"


@dataclass(frozen=True)
class SigningKeys:
    """An `Issuer`, `ByLabel`: to its consumers the labels are what others issue and revoke."""

    context: Context

    def parse(self, text: str, name: str) -> SigningKey:
        """See `Provider.parse`."""
        return SigningKey.parse(text, name)

    def sign_in(self, key: SigningKey) -> str:
        """See `Provider.sign_in`. With nobody to ask, a key that can sign is as good as another."""
        challenge = key.signed(
            {
                "aud": place(self._verify) if self._verify else "nobody",
                "exp": int(time.time()) + _SECONDS,
                "jti": secrets.token_urlsafe(16),
            }
        )
        if self._verify:
            self._present(challenge, key)
        return f"a key for {key.alg}"

    def issue(
        self, current: SigningKey, previous: Callable[[], SigningKey | None], token: str
    ) -> SigningKey:
        """See `Issuer.issue`. Nobody else hears of what is drawn, so none can be lost."""
        del previous, token
        self.sign_in(current)
        k = Sensitive(_base64url(secrets.token_bytes(self._size(current))))
        return replace(current, kid=secrets.token_hex(8), k=k)

    def revoke(self, old: SigningKey, current: SigningKey) -> None:
        """See `Issuer.revoke`. The label is gone: consumers drop the key as they re-read."""

    def unasked(self) -> str | None:
        """See `ByLabel.unasked`."""
        if self._verify:
            return None
        return "nobody was asked: set options.verify in wickie.yaml to a URL of a consumer's"

    def _present(self, challenge: str, key: SigningKey) -> None:
        with redacted(key.k):
            reply = call(
                "POST",
                self._verify,
                headers={"Content-Type": "application/jwt"},
                body=challenge.encode(),
                ca_bundle=self.context.ca_bundle,
            )
        if reply.status in _HONOURED:
            return
        where = f"POST {place(self._verify)}"
        if reply.status in _REFUSED:
            raise AuthenticationError(f"{where} does not honour key {key.kid} ({reply.status})")
        if reply.status in ASK_AGAIN:
            raise ProviderUnavailableError(f"{where} answered {reply.status}; try again later")
        raise ProviderError(
            f"{where} answered {reply.status}, which says neither that it honours key {key.kid} "
            f"(2xx) nor that it does not (401, 403); correct options.verify"
        )

    def _size(self, current: SigningKey) -> int:
        """Bytes of the successor: by `options`, else the secret's JSON, else as `alg` wants it."""
        given = self.context.options.get("size") or current.document.get("size")
        return checked_size(given, _BYTES[current.alg]) if given else _BYTES[current.alg]

    @property
    def _verify(self) -> str:
        return self.context.options.get("verify", "")


def checked_size(given: object, least: int = 32) -> int:
    """Return how many bytes a key is to have. Raises `ConfigError` for too few or too many."""
    text = str(given)
    if not text.isdecimal() or not least <= int(text) <= _MOST_BYTES:
        raise ConfigError(f"size: {text} bytes are not within {least} to {_MOST_BYTES}; correct it")
    return int(text)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
