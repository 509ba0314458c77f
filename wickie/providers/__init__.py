"""
The systems that honour credentials: whether they still do, and how to change that.

One module per system, with a class that is made from a `Context` and has the methods of one of
the protocols below; `registry.py` says which names it goes by.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from wickie.credentials import Credential
from wickie.errors import AuthenticationError, ConfigError, ProviderError
from wickie.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from wickie.aws import Clients
    from wickie.credentials import DatabaseLogin

C = TypeVar("C", bound=Credential)


@dataclass(frozen=True)
class Context:
    """What a provider is made from."""

    clients: Clients = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    """What wickie.yaml says under the secret's `options`."""
    ca_bundle: str | None = None
    """Path of CAs trusted beside the platform's own."""
    seconds_left: Callable[[], float] = lambda: 60.0
    """Until the function is cut off."""

    def option(self, name: str) -> str:
        """Return one of `options`. Raises `ConfigError` where it is missing."""
        if name not in self.options:
            raise ConfigError(f"option {name} is missing; set options.{name} in wickie.yaml")
        return self.options[name]


class Provider(Protocol[C]):
    """A system that honours credentials of one shape."""

    def parse(self, text: str, name: str) -> C:
        """Read the value of the secret `name`. Raises `ConfigError` naming what is amiss."""

    def sign_in(self, credential: C) -> str:
        """
        Present the credential afresh and return the rights that the system gives it.

        Equal rights are told in equal words, whoever has them, so that a user's successor can be
        compared with it. The words hold no secret.

        Raises:
            AuthenticationError: the system does not honour the credential.
            ProviderUnavailableError: the system could not be asked.
            ProviderError: it could not be asked safely (TLS), or refused for another reason.
        """


class Database(Provider["DatabaseLogin"], Protocol):
    """A server whose users have one password each: for `SingleUser` and `AlternatingUsers`."""

    def set_password(self, session: DatabaseLogin, target: DatabaseLogin) -> None:
        """Signed in as `session`, give `target.username` the password of `target`."""

    def set_twin(
        self, session: DatabaseLogin, base: str, clone: str, target: DatabaseLogin
    ) -> None:
        """
        As `set_password`, where `target` is one of two users who take turns.

        The clone is made if missing, may do all that `base` may, and owns nothing itself.
        """

    def end_sessions(self, user: DatabaseLogin) -> None:
        """Sign in as `user` and end every other session of that user."""


class TwoPasswords(Provider[C], Protocol):
    """A system where one user may have two passwords at once: for `DualPassword`."""

    def add_password(self, session: C, kept: C, pending: C, older: C | None) -> None:
        """
        Signed in as `session`, have `pending` honoured beside `kept`, and `older` no more.

        `session` is the administrator where one is named, else `kept`. `kept` is honoured and
        stays so throughout. A system with room for two drops what is neither by itself.
        """

    def drop_others(self, session: C, current: C) -> None:
        """
        Have the system honour `current` alone, and end the sessions that others opened.

        `session` is the administrator where one is named, else `current`.
        """


class Issuer(Provider[C], Protocol):
    """
    A system that makes credentials itself, two of which overlap: for `DualKey`.

    What it makes may be refused for some seconds, and what it revokes be honoured.
    """

    def issue(self, current: C, previous: Callable[[], C | None], token: str) -> C:
        """
        Make another credential for the holder of `current`, and keep `current` honoured.

        `previous` is revoked if there is no room for a third, provided nobody uses it. It is to be
        read right before anything is revoked: that raises where another run was faster, which
        may have stored or promoted what a slower one takes for lost. Called
        again with the same token where there is no room, what an earlier call made and lost is
        revoked first, as far as that is certain; where there is, see `Sweeper`. Raises
        `RotationError` naming what else takes the room.
        """

    def revoke(self, old: C, current: C) -> None:
        """Have the system honour `old` no more. One that is gone already is no error."""


@runtime_checkable
class Installer(Protocol):
    """An `Issuer` whose keys are drawn here, so that they are stored before they are honoured."""

    def install(self, pending: Any, current: Any, previous: Any | None) -> None:
        """
        Signed in as `current`, have `pending` honoured beside it, wherever it is not yet.

        What `issue` drew is known to nobody before. Other keys of the same secret, `previous`
        among them, are revoked on the way.
        """


@runtime_checkable
class Sweeper(Protocol):
    """An `Issuer` that lists what each rotation made, and has room for any number."""

    def sweep(self, stored: Credential, current: Credential, token: str) -> None:
        """
        Revoke what the rotation `token` made and did not store, in the name of `current`.

        Only when one is stored is it certain which: of two runs of a step, either may be first.
        """


@runtime_checkable
class ByLabel(Protocol):
    """
    A system that is whoever reads the secret, and honours the versions that carry a label.

    Such a version is retired by its label, which therefore goes first.
    """

    def unasked(self) -> str | None:
        """Say why a version without a label cannot be proven dead; None where it can."""


@runtime_checkable
class Witness(Protocol):
    """A system that knows whether a credential is in use: evidence to retire it by."""

    def used_since(self, old: Credential, current: Credential, since: datetime) -> str | None:
        """Say in a line who uses `old`, or used it after `since`; None if nobody."""


def verify(provider: Provider[C], credential: C) -> tuple[Verdict, str]:
    """Ask whether a credential is still honoured, and say in a line what the answer rests on."""
    try:
        rights = provider.sign_in(credential)
    except AuthenticationError as error:
        return Verdict.DEAD, str(error)
    except ProviderError as error:
        return Verdict.UNKNOWN, str(error)
    if isinstance(provider, ByLabel) and (why := provider.unasked()):
        return Verdict.LIVE, f"{credential.holder} is {rights}, honoured by its label alone; {why}"
    return Verdict.LIVE, f"{credential.holder} signs in and acts as {rights}"
