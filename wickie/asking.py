"""How AWS is asked: refusals in wickie's words, and patience."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from wickie.awsjson.errors import refusals, silences
from wickie.errors import (
    ConfigError,
    Error,
    NotFoundError,
    ProviderUnavailableError,
    RotationError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wickie.awsjson.errors import RefusedError

T = TypeVar("T")

_TRY_AGAIN: Final = frozenset(
    {
        "ThrottlingException",
        "Throttling",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ResourceConflictException",
        "InternalServiceError",
    }
)
_ABSENT: Final = ("NotFoundException", "NotFoundFault", "NotFound", "InvalidDocument")
_SERVER_FAULT: Final = 500
_NOBODY: Final = ("NoCredentialsError", "NoRegionError")


@contextmanager
def asking(thing: str) -> Iterator[None]:
    """
    Turn what AWS refuses about `thing` into wickie's errors.

    The text of a refusal is AWS's own and names resources and principals only; the text of a
    BotoCoreError may quote the parameters of the call, so that one is never passed on.
    """
    try:
        yield
    except refusals() as error:
        raise _in_our_words(thing, error) from None
    except silences() as error:
        kind = type(error).__name__
        if kind in _NOBODY:
            raise ConfigError(
                f"no AWS credentials or region to ask about {thing} ({kind}); "
                f"set AWS_PROFILE or AWS_REGION"
            ) from None
        raise ProviderUnavailableError(
            f"AWS could not be asked about {thing} ({kind}); try again"
        ) from None


def _in_our_words(thing: str, error: RefusedError) -> Error:
    code = error.response["Error"].get("Code", "")
    text = " ".join(error.response["Error"].get("Message", "").split())
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code.endswith(_ABSENT) or code.startswith("NoSuch"):
        return NotFoundError(f"{thing} does not exist here; check its name, account and region")
    if code in _TRY_AGAIN or status >= _SERVER_FAULT:
        return ProviderUnavailableError(f"AWS asks to try {thing} again later ({code})")
    if code.startswith("AccessDenied"):
        return ConfigError(f"not allowed on {thing}: {text}; grant it to the role this runs as")
    return RotationError(f"{thing}: {code}: {text}")


@dataclass(frozen=True)
class Patience:
    """How long to wait for something, and at what pace to ask for it."""

    seconds: float
    first: float = 0.1
    longest: float = 2.0
    growth: float = 1.25
    """Of the pause from one question to the next: also the share of the time that is missed."""

    def until(self, ask: Callable[[], T | None]) -> T | None:
        """Ask until there is an answer. None says that patience has run out."""
        deadline = time.monotonic() + self.seconds
        pause = self.first
        while (answer := ask()) is None:
            left = deadline - time.monotonic()
            if left <= 0:
                return None
            time.sleep(min(pause, left))
            pause = min(pause * self.growth, self.longest)
        return answer
