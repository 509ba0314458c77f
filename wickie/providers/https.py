"""One HTTP request over verified TLS, with its failures told apart. No redirect is followed."""

from __future__ import annotations

import functools
import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from wickie.errors import ConfigError, ProviderError, ProviderUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS: Final = 10.0
_MOST: Final = 1 << 20
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_GOOD: Final = range(200, 300)


@dataclass(frozen=True)
class Reply:
    """What a server answered."""

    status: int
    body: bytes

    @property
    def good(self) -> bool:
        """Whether the status says so."""
        return self.status in _GOOD

    def json(self) -> Any:
        """The body as JSON, None if it is empty. Raises `ProviderError` for anything else."""
        try:
            return json.loads(self.body) if self.body.strip() else None
        except ValueError:
            raise ProviderError("the answer is no JSON; check base_url") from None


def request(
    method: str, url: str, headers: Mapping[str, str], body: Any, ca_bundle: str | None
) -> Reply:
    """
    Ask once. Texts of errors name the server only: a URL may hold an id, a body anything.

    Raises:
        ConfigError: the URL is not https (http is for loopback), or has no host.
        ProviderUnavailableError: the server could not be asked.
        ProviderError: its certificate is not to be trusted.
    """
    place = urlsplit(url)
    if not place.hostname or (place.scheme != "https" and place.hostname not in _LOOPBACK):
        raise ConfigError("base_url must begin with https:// and name a host; correct it")
    data = None if body is None else json.dumps(body).encode()
    sent = {"Accept": "application/json", "Content-Type": "application/json", **headers}
    asked = urllib.request.Request(url, data, sent, method=method)  # noqa: S310  (checked above)
    try:
        with _opener(ca_bundle).open(asked, timeout=_SECONDS) as answer:
            return Reply(answer.status, answer.read(_MOST))
    except urllib.error.HTTPError as answer:
        with answer:
            return Reply(answer.code, answer.read(_MOST))
    except (OSError, http.client.HTTPException) as error:
        raise _refused(place.netloc, error) from None
    except ValueError:
        raise ConfigError(
            "a header of the declaration cannot be sent; look for a newline"
        ) from None


@functools.cache  # to read the CAs takes longer than to ask
def _opener(ca_bundle: str | None) -> urllib.request.OpenerDirector:
    context = ssl.create_default_context()
    if ca_bundle:
        context.load_verify_locations(cafile=ca_bundle)
    # Put together by hand, to leave out what follows redirects and what asks a proxy: either would
    # carry the token to wherever somebody else says.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
    ):
        opener.add_handler(handler)
    return opener


def _refused(place: str, error: Exception) -> ProviderError:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLCertVerificationError):
        return ProviderError(
            f"TLS certificate of {place} is not to be trusted: {reason.verify_message}; correct "
            f"base_url, or add its CA to the function's bundle"
        )
    return ProviderUnavailableError(
        f"cannot ask {place} ({type(reason).__name__}); check base_url, and the function's subnets"
    )
