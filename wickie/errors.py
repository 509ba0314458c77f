"""
Every error wickie raises on purpose:

* Error
  - ConfigError                 the operator must change something; retrying cannot help
  - NotFoundError               the named secret, function or target does not exist
  - RotationError               the secret's versions are not in the state the step requires
    + AbandonedError            Secrets Manager gave a rotation up; another one may be started
  - ProviderError               the system behind a credential refused an operation
    + AuthenticationError       it refused the credential itself; another one may be tried
      - LesserRightsError       it honours the credential, with less than the current one may do
    + ProviderUnavailableError  it could not be asked; asking again later is safe
  - DependentError              something that uses a secret did not come back with the new one
  - ResponseError               a response cannot do what was planned; nothing was changed
  - SourceError                 a scan target could not be read; the scan goes on without it
  - NothingScannedError         no target at all could be read; never to be mistaken for clean

Callers act on `retryable`; people act on the text, which names the thing and the remedy.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wickie.credentials import Sensitive
    from wickie.model import Gap


class Error(Exception):
    """Base of wickie's errors. Its text is one line, and safe to log: see `redacted`."""

    retryable: ClassVar[bool] = False


class ConfigError(Error):
    """Settings, policy or a secret's JSON that no retry can repair."""


class NotFoundError(Error):
    """A secret, function, bucket or other named thing does not exist."""


class RotationError(Error):
    """The secret's versions are not in the state this step requires."""


class AbandonedError(RotationError):
    """Secrets Manager dropped the version that a rotation was making. The old one is in use."""


class ProviderError(Error):
    """The system behind a credential refused an operation."""


class AuthenticationError(ProviderError):
    """The system behind a credential does not honour it. Only this lets another be tried."""


class LesserRightsError(AuthenticationError):
    """A new credential is honoured and may do less than the one that it is to succeed."""


class ProviderUnavailableError(ProviderError):
    """The system behind a credential could not be asked. Nothing was changed."""

    retryable = True


class DependentError(Error):
    """A dependent of a secret did not become healthy with its new value."""


class ResponseError(Error):
    """An action of a response is not possible as things stand. Nothing was changed."""


class SourceError(Error):
    """A scan target could not be read."""


class NothingScannedError(Error):
    """Not one target could be read, so nothing may be concluded."""

    def __init__(self, text: str, gaps: Sequence[Gap] = ()) -> None:
        super().__init__(text)
        self.gaps = tuple(gaps)
        """What could not be, and why."""


@contextmanager
def redacted(*secrets: Sensitive) -> Iterator[None]:
    """
    Turn any foreign exception into a `ProviderError` whose text holds none of `secrets`.

    Database drivers and SDKs quote the statement or URL that failed. `from None` matters:
    a chained traceback would print the original message.
    """
    try:
        yield
    except Error:
        raise
    except Exception as error:  # noqa: BLE001  (whatever a driver raises, it may quote a secret)
        text = " ".join(f"{type(error).__name__}: {error}".split())
        for secret in secrets:
            text = text.replace(secret.reveal(), "[redacted]")
        raise ProviderError(text) from None
