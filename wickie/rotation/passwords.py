"""What a new password looks like, and who has a say in it."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from wickie.credentials import Sensitive
from wickie.errors import ConfigError
from wickie.fingerprints import FEWEST_CHARACTERS, publishable
from wickie.providers.registry import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORTEST: Final = FEWEST_CHARACTERS
"""A scanner does not know shorter values again."""
USUAL: Final = 32
_KINDS: Final = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
_PUNCTUATION: Final = frozenset(string.punctuation)

CONSUMERS: Final[Mapping[str, frozenset[str]]] = {
    # RFC 3986's userinfo without the plus, which some read as a space, and the colon.
    "url": frozenset("-._~!$&'()*,;="),
    # One word of sh, as Python's shlex sees it.
    "shell": frozenset("%+,-./:=@_"),
    # https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-KEYWORD-VALUE
    "dsn": _PUNCTUATION - frozenset("'\\"),
    # Unquoted: quotes, expansions, and what begins a comment for some readers.
    "dotenv": _PUNCTUATION - frozenset("\"'\\`$#"),
    "json": _PUNCTUATION - frozenset('"\\'),
    "xml": _PUNCTUATION - frozenset("&<>\"'"),
    # A plain scalar, in flow collections too.
    "yaml": _PUNCTUATION - frozenset(":#,?[]{}"),
    # The master password of an instance or cluster, when set by RDS's own API.
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_ModifyDBInstance.html
    "rds": _PUNCTUATION - frozenset('/@"'),
}
"""Who takes a password as it stands, without quoting: the symbols that each takes."""

TAGS: Final[Mapping[str, str]] = {
    "wickie:password-length": "length",
    "wickie:password-symbols": "symbols",
    "wickie:password-consumers": "consumers",
}
"""Tags of a secret that say what wickie.yaml leaves open; consumers are separated by spaces."""
_TAG_PREFIX: Final = "wickie:password-"


@dataclass(frozen=True)
class PasswordPolicy:
    """
    Length and alphabet of new passwords.

    By default 190 random bits of letters and digits, which survive any URL, DSN, shell and
    configuration file unquoted. Raises `ConfigError` for what cannot be had.
    """

    length: int = USUAL
    symbols: str = ""
    """Used beside letters and digits, for servers that insist on them."""
    consumers: tuple[str, ...] = ()
    """Who must be able to take the password as it stands: names of `CONSUMERS`."""
    longest: int = Engine.longest
    forbidden: str = ""
    """Symbols that the engine does not take."""

    def __post_init__(self) -> None:
        if not SHORTEST <= self.length <= self.longest:
            raise ConfigError(
                f"a password of {self.length} characters; choose {SHORTEST} to {self.longest}"
            )
        odd = "".join(dict.fromkeys(c for c in self.symbols if c not in _PUNCTUATION))
        if odd or len(set(self.symbols)) < len(self.symbols):
            raise ConfigError(
                f"symbols {self.symbols!r} are to be ASCII punctuation, each once; letters and "
                f"digits are always used"
            )
        self._require_taken("the engine", _PUNCTUATION - frozenset(self.forbidden))
        for consumer in self.consumers:
            if consumer not in CONSUMERS:
                raise ConfigError(
                    f"no consumer {consumer!r}; use some of {', '.join(sorted(CONSUMERS))}"
                )
            self._require_taken(f"consumer {consumer}", CONSUMERS[consumer])

    def _require_taken(self, who: str, taken: frozenset[str]) -> None:
        if wrong := "".join(c for c in self.symbols if c not in taken):
            raise ConfigError(
                f"{who} does not take {wrong} in a password unquoted; leave that out of symbols"
            )

    def draw(self) -> Sensitive:
        """
        Make a password with a character of each kind, beginning with a letter.

        Made here and not by GetRandomPassword, which is one more call that can fail and one more
        place that has seen the value. One in a thousand looks too much like words for its
        fingerprint to be published; a leak of it would go unseen, so another is drawn. A first
        symbol would mean something to a shell (-, ~) or to Oracle.
        """
        kinds = [*_KINDS, *filter(None, [self.symbols])]
        while True:
            rest = (secrets.choice("".join(kinds)) for _ in range(self.length - 1))
            text = secrets.choice(string.ascii_letters) + "".join(rest)
            if all(set(kind) & set(text) for kind in kinds) and publishable(text):
                return Sensitive(text)


class Passwords(Protocol):
    """Where new passwords come from."""

    def draw(self) -> Sensitive:
        """Make one. Raises `ConfigError` where what is asked for cannot be had."""


@dataclass(frozen=True)
class PasswordsOf:
    """
    New passwords for one secret: of wickie.yaml, else of the secret's tags, within the engine's.

    The tags are read when a password is drawn: what is wrong with them must not keep anyone from
    asking whether a credential is alive.
    """

    engine: Engine
    given: Mapping[str, Any] = field(default_factory=dict)
    """What wickie.yaml says, by the names of `PasswordPolicy`."""
    tags: Mapping[str, str] = field(default_factory=dict)
    """All tags of the secret."""

    def draw(self) -> Sensitive:
        """See `Passwords`."""
        return self.policy().draw()

    def policy(self) -> PasswordPolicy:
        """Put together what the engine, wickie.yaml and the tags say. Raises `ConfigError`."""
        limits = {"longest": self.engine.longest, "forbidden": self.engine.forbidden}
        usual = {"length": min(USUAL, self.engine.longest)}
        tagged = self._tagged()
        values = {**usual, **tagged, **self.given, **limits}
        values["consumers"] = tuple(values.get("consumers", ()))
        try:
            return PasswordPolicy(**values)
        except ConfigError as error:
            if not tagged:
                raise
            names = ", ".join(tag for tag, name in TAGS.items() if name in tagged)
            raise ConfigError(f"tags {names} of the secret: {error}") from None

    def _tagged(self) -> dict[str, Any]:
        """Read those tags whose say wickie.yaml does not have already."""
        ours = {tag: text for tag, text in self.tags.items() if tag.startswith(_TAG_PREFIX)}
        if unknown := ", ".join(sorted(ours.keys() - TAGS.keys())):
            raise ConfigError(f"no tag {unknown} is known; use {', '.join(TAGS)}")
        found: dict[str, Any] = {
            TAGS[tag]: text for tag, text in ours.items() if TAGS[tag] not in self.given
        }
        if "length" in found:
            if not found["length"].isdecimal():
                raise ConfigError("tag wickie:password-length of the secret is no number")
            found["length"] = int(found["length"])
        if "consumers" in found:
            found["consumers"] = tuple(found["consumers"].split())
        return found
