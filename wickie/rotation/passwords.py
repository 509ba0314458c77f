"""What a new password looks like."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import Final

from wickie.credentials import Sensitive
from wickie.errors import ConfigError
from wickie.fingerprints import FEWEST_CHARACTERS, publishable

SHORTEST: Final = FEWEST_CHARACTERS
"""A scanner does not know shorter values again."""
LONGEST: Final = 128
_KINDS: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits)


@dataclass(frozen=True)
class PasswordPolicy:
    """
    Length and alphabet of new passwords.

    By default 190 random bits of letters and digits, which survive any URL, DSN, shell and
    configuration file unquoted. Raises `ConfigError` for a length that makes no sense.
    """

    length: int = 32
    symbols: str = ""
    """Used beside letters and digits, for servers that insist on them."""

    def __post_init__(self) -> None:
        if not SHORTEST <= self.length <= LONGEST:
            raise ConfigError(
                f"a password of {self.length} characters; choose {SHORTEST} to {LONGEST}"
            )

    def draw(self) -> Sensitive:
        """
        Make a password with a character of each kind.

        Made here and not by GetRandomPassword, which is one more call that can fail and one more
        place that has seen the value. One in a thousand looks too much like words for its
        fingerprint to be published; a leak of it would go unseen, so another is drawn.
        """
        kinds = [*_KINDS, *filter(None, [self.symbols])]
        while True:
            text = "".join(secrets.choice("".join(kinds)) for _ in range(self.length))
            if all(set(kind) & set(text) for kind in kinds) and publishable(text):
                return Sensitive(text)
