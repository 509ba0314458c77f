"""
HTTP calls to systems other than AWS: over verified TLS, never redirected, failures told apart.

What is sent or answered may be a credential, so neither is ever quoted, nor is a URL's query.
"""

from __future__ import annotations

import base64
import functools
import http.client
import re
import ssl
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import SplitResult, urlsplit

from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ASK_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses that another try may change."""
INSIDE: Final = "prefect.wickie-{stage}.internal"
"""
wickie's own Prefect server, in a zone that only its VPC knows.

It speaks no TLS: Prefect's server has none, no public authority certifies such names, and an ALB in
front would need one that does. Its security group lets in wickie's functions and flows alone.
"""
_INSIDE: Final = re.compile(INSIDE.format(stage=r"[a-z][a-z0-9-]{0,19}").replace(".", r"\."))
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST: Final = 1 << 20


@dataclass(frozen=True)
class Reply:
    """What was answered."""

    status: int
    body: bytes = field(default=b"", repr=False)


def checked_url(url: str) -> str:
    """Return `url` if it is safe to call: https, and without a password in it. `ConfigError`."""
    parts = _split(url)
    if parts.username is not None or parts.password is not None:
        raise ConfigError("a URL holds no user or password; take them out of it")
    host = parts.hostname or ""
    plain = parts.scheme == "http" and (host in _LOOPBACK or _INSIDE.fullmatch(host))
    if not parts.hostname or not (parts.scheme == "https" or plain):
        raise ConfigError("write an https:// URL; http:// is for this machine alone")
    return url


def place(url: str) -> str:
    """The part of a URL that may be shown: a query can hold a token."""
    parts = _split(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def call(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    ca_bundle: str | None = None,
    seconds: float = 10,
    longest: int = _LONGEST,
) -> Reply:
    """
    Send one request, and return the reply whatever its status.

    Raises:
        ProviderUnavailableError: there was no answer.
        ProviderError: the other side could not prove who it is (TLS).
    """
    request = urllib.request.Request(  # noqa: S310  (the scheme is checked)
        checked_url(url), body, {"User-Agent": "wickie", **headers}, method=method
    )
    try:
        with _opener(ca_bundle).open(request, timeout=seconds) as answer:
            return Reply(answer.status, answer.read(longest))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, error.read(longest))
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _unanswered(place(url), reason) from None


def authorization(api_key: str | None, auth_string: str | None) -> str:
    """The header by which a server knows a key, as Prefect Cloud does, or a user and password."""
    if api_key is not None:
        return f"Bearer {api_key.strip()}"
    if auth_string is not None:
        return f"Basic {base64.b64encode(auth_string.strip().encode()).decode()}"
    return ""


@contextmanager
def streamed(url: str, *, seconds: float = 60) -> Iterator[http.client.HTTPResponse]:
    """
    Open what lies at `url`, to be read as it comes. What reading it raises is `OSError`'s.

    Raises:
        ProviderUnavailableError: there was no answer.
        ProviderError: it was refused, or the other side could not prove who it is (TLS).
    """
    request = urllib.request.Request(checked_url(url), headers={"User-Agent": "wickie"})  # noqa: S310  (the scheme is checked)
    try:
        answer = _opener(None).open(request, timeout=seconds)
    except urllib.error.HTTPError as error:
        error.close()
        raise ProviderError(f"{place(url)} answered {error.code}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise _unanswered(place(url), reason) from None
    with answer:
        yield answer


@functools.cache  # to read the CAs takes longer than to ask
def _opener(ca_bundle: str | None) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    if ca_bundle:
        context.load_verify_locations(ca_bundle)
    return urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context), _NotRedirected()
    )


def _unanswered(where: str, reason: object) -> ProviderError:
    if isinstance(reason, ssl.SSLError):
        why = reason.reason or type(reason).__name__
        return ProviderError(
            f"{where} is not proven to be itself (TLS: {why}); "
            f"give it a certificate that is trusted here"
        )
    return ProviderUnavailableError(
        f"{where} does not answer ({type(reason).__name__}); try again later"
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # it is parsed when it is asked for
    except ValueError:
        raise ConfigError("this is no URL; write https://host/path") from None
    return parts


class _NotRedirected(urllib.request.HTTPRedirectHandler):
    """Another place is not the one that was declared, and headers would go along to it."""

    def redirect_request(self, *_: Any) -> None:
        return None
