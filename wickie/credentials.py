"""What a secret holds: text that must not be shown, and the shapes it comes in. No I/O."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Sensitive:
    """Text that no log, `repr` or serialiser shows; `reveal` is the one way out."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the plaintext. Every call site is worth a reviewer's look."""
        return self._text

    def __repr__(self) -> str:
        return "Sensitive('***')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sensitive) and hmac.compare_digest(
            self._text.encode(), other._text.encode()
        )

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str:
        raise TypeError("a Sensitive value is not to be pickled")


class Credential(Protocol):
    """The value of one version of a secret, parsed."""

    @property
    def place(self) -> tuple[object, ...]:
        """The system it is for. Only credentials of one place may vouch for each other."""

    @property
    def holder(self) -> str:
        """Whom it lets in, as people know them: a user's or key's name."""

    @property
    def secret(self) -> Sensitive:
        """The part that must not be known, by which a scanner recognises the whole."""

    def to_secret_string(self) -> str:
        """Serialise with the secret part in the clear, for Secrets Manager alone."""


def read_document(text: str, name: str, required: Sequence[str]) -> dict[str, Any]:
    """
    Parse the value of the secret `name` as a JSON object with strings under `required`.

    Raises `ConfigError` naming what is amiss, and never what the value is.
    """
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        keys = ", ".join(f'"{key}"' for key in required)
        raise ConfigError(
            f"secret {name} is not a JSON object; store {{{keys}, …}} in it"
        ) from None
    missing = [key for key in required if not isinstance(document.get(key), str)]
    if missing:
        raise ConfigError(f"secret {name} lacks {', '.join(missing)}; add them to its JSON")
    return document


_LOGIN_KEYS: Final = ("engine", "host", "username", "password")


@dataclass(frozen=True)
class DatabaseLogin:
    """
    A user of a server, in the JSON shape AWS's own rotation functions use.

    https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_secret_json_structure.html
    """

    engine: str
    """The first of the names that the provider's engine goes by."""
    host: str
    username: str
    password: Sensitive
    port: int
    dbname: str | None = None
    masterarn: str | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The secret's whole JSON but the password, so that keys unknown to wickie survive."""

    @classmethod
    def parse(cls, text: str, name: str, engines: Sequence[str], port: int) -> DatabaseLogin:
        """
        Parse the value of the secret `name`, for a server that `engines` are the names of.

        `port` is where it listens unless the secret says otherwise. Raises `ConfigError`.
        """
        document = read_document(text, name, _LOGIN_KEYS)
        if document["engine"] not in engines:
            raise ConfigError(
                f"secret {name} is for engine {document['engine']!r} and not for "
                f"{' or '.join(engines)}; correct engine there or in wickie.yaml"
            )
        try:
            port = port if document.get("port") is None else int(document["port"])
        except (TypeError, ValueError):
            raise ConfigError(f"secret {name} has a port that is no number; correct it") from None
        password = Sensitive(document.pop("password"))
        return cls(
            engine=engines[0],
            host=document["host"],
            username=document["username"],
            password=password,
            port=port,
            dbname=document.get("dbname"),
            masterarn=document.get("masterarn"),
            document=document,
        )

    @property
    def place(self) -> tuple[object, ...]:
        """See `Credential`."""
        return self.engine, self.host, self.port

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

    def succeeded_by(self, username: str, password: Sensitive) -> DatabaseLogin:
        """The same login but for who signs in and how."""
        return replace(self, username=username, password=password)


_ACCESS_KEY_KEYS: Final = ("AccessKeyId", "SecretAccessKey")


@dataclass(frozen=True)
class AccessKey:
    """A key of an IAM user, under the names that IAM gives its parts."""

    key_id: str
    secret_key: Sensitive
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The secret's whole JSON but the secret key, so that keys unknown to wickie survive."""

    @classmethod
    def parse(cls, text: str, name: str) -> AccessKey:
        """Parse the value of the secret `name`. Raises `ConfigError`."""
        document = read_document(text, name, _ACCESS_KEY_KEYS)
        secret_key = Sensitive(document.pop("SecretAccessKey"))
        return cls(document["AccessKeyId"], secret_key, document)

    @property
    def place(self) -> tuple[object, ...]:
        """See `Credential`."""
        return ("iam",)

    @property
    def holder(self) -> str:
        """See `Credential`."""
        return self.key_id

    @property
    def secret(self) -> Sensitive:
        """See `Credential`."""
        return self.secret_key

    def to_secret_string(self) -> str:
        """See `Credential`."""
        pair = zip(_ACCESS_KEY_KEYS, (self.key_id, self.secret_key.reveal()), strict=True)
        return json.dumps({**self.document, **dict(pair)})

    def succeeded_by(self, key_id: str, secret_key: Sensitive) -> AccessKey:
        """Return what is stored when another key of the same user takes this one's place."""
        return replace(self, key_id=key_id, secret_key=secret_key)


@dataclass(frozen=True)
class ApiToken:
    """A token of an HTTP API, and the id by which the API knows it."""

    token: Sensitive
    id: str
    base_url: str
    keys: tuple[str, str]
    """What token and id are called in the secret's JSON."""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    """The secret's whole JSON but the token, so that keys unknown to wickie survive."""

    @classmethod
    def parse(cls, text: str, name: str, keys: tuple[str, str], base_url: str) -> ApiToken:
        """Parse the value of the secret `name`. Raises `ConfigError`."""
        document = read_document(text, name, keys)
        token = Sensitive(document.pop(keys[0]))
        return cls(token, document[keys[1]], base_url, keys, document)

    @property
    def place(self) -> tuple[object, ...]:
        """See `Credential`."""
        return "http-api", self.base_url

    @property
    def holder(self) -> str:
        """See `Credential`."""
        return self.id

    @property
    def secret(self) -> Sensitive:
        """See `Credential`."""
        return self.token

    def to_secret_string(self) -> str:
        """See `Credential`."""
        pair = zip(self.keys, (self.token.reveal(), self.id), strict=True)
        return json.dumps({**self.document, **dict(pair)})

    def succeeded_by(self, id_: str, token: Sensitive) -> ApiToken:
        """Return what is stored when another token takes this one's place."""
        return replace(self, id=id_, token=token)

    def texts(self) -> dict[str, str]:
        """Every text of the secret's JSON by its key, the token in the clear among them."""
        texts = {key: value for key, value in self.document.items() if isinstance(value, str)}
        return {**texts, self.keys[0]: self.token.reveal(), self.keys[1]: self.id}
