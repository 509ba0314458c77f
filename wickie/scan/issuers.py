"""
Who can be asked whether a credential that was found is live: read-only, and with it alone.

An issuer is asked only where the form of the credential leaves no doubt whose it is. Those that
people run themselves, or that have several sites, are asked where wickie.yaml says they are: a
value goes to nobody but its issuer.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from wickie.apis import read_declaration
from wickie.credentials import AccessKey, Sensitive
from wickie.https import call
from wickie.model import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.aws import Clients
    from wickie.https import Reply

ACCESS_KEY_RULE: Final = "betterleaks.aws-access-token"

_SECONDS: Final = 5.0
_LONGEST: Final = 64 << 10
_OK: Final = 200


class Issuer(Protocol):
    """Someone who honours credentials of one form."""

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that recognise that form."""

    def ask(self, credential: Sensitive | AccessKey) -> Verdict:
        """Say whether it is honoured; UNKNOWN for anything but a clear answer. May raise."""


@dataclass(frozen=True)
class Api:
    """An HTTP API, and how its answer is read."""

    rules: tuple[str, ...]
    path: str
    url: str = ""
    """Empty: wickie.yaml has to say it."""
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: {"Authorization": "Bearer {token}"})
    live: tuple[int, ...] = (200,)
    dead: tuple[int, ...] = (401,)
    """Statuses that say it is not honoured, and nothing else."""
    words: Mapping[tuple[str, object], Verdict] = field(default_factory=dict)
    """What an answer in JSON may say, by where it does: this goes before the status."""


@dataclass(frozen=True)
class HttpIssuer:
    """Asks one API with the token in a header, over verified TLS, and is never sent on."""

    api: Api
    url: str
    ca_bundle: str | None = None

    @property
    def rules(self) -> tuple[str, ...]:
        """See `Issuer`."""
        return self.api.rules

    def ask(self, credential: Sensitive | AccessKey) -> Verdict:
        """See `Issuer`."""
        if not isinstance(credential, Sensitive) or not _fits_a_header(credential.reveal()):
            return Verdict.UNKNOWN
        token = credential.reveal()
        reply = call(
            self.api.method,
            f"{self.url.rstrip('/')}{self.api.path}",
            headers={n: text.replace("{token}", token) for n, text in self.api.headers.items()},
            ca_bundle=self.ca_bundle,
            seconds=_SECONDS,
            longest=_LONGEST,
        )
        return self._read(reply)

    def _read(self, reply: Reply) -> Verdict:
        for (where, word), verdict in self.api.words.items():
            if _said(reply.body, where) == word:
                return verdict
        if reply.status in self.api.dead:
            return Verdict.DEAD
        return Verdict.LIVE if reply.status in self.api.live else Verdict.UNKNOWN


@dataclass(frozen=True)
class AwsKeys:
    """Asks STS, in the partition that wickie runs in; what is sent is a signature."""

    clients: Clients = field(repr=False)

    @property
    def rules(self) -> tuple[str, ...]:
        """See `Issuer`."""
        return (ACCESS_KEY_RULE,)

    def ask(self, credential: Sensitive | AccessKey) -> Verdict:
        """
        See `Issuer`. No permission is needed to ask, and none can deny it.

        A signature that does not match tells only that these two parts are not of one key.
        """
        if not isinstance(credential, AccessKey):
            return Verdict.UNKNOWN
        try:
            self.clients.sts_as(credential, seconds=_SECONDS).get_caller_identity()
        except ClientError as error:
            refused = error.response["Error"].get("Code") == "InvalidClientTokenId"
            return Verdict.DEAD if refused else Verdict.UNKNOWN
        return Verdict.LIVE


def _declared(name: str, *rules: str, dead: tuple[int, ...], key: str) -> Api:
    """What `wickie.apis` says of an API whose tokens wickie rotates too."""
    declaration = read_declaration(name)
    headers = {
        header: text.replace(f"{{{declaration.secret}}}", "{token}")
        for header, text in declaration.headers.items()
        if f"{{{key}}}" in text
    }
    return Api(rules, declaration.verify.path, headers=headers, dead=dead)


# https://docs.slack.dev/reference/methods/auth.test
_SLACK: Final = tuple(
    ("error", word)
    for word in ("invalid_auth", "token_revoked", "token_expired", "account_inactive")
)

APIS: Final[Mapping[str, Api]] = {
    # Every kind of token may ask for its limits, and it costs none of them.
    # https://docs.github.com/en/rest/rate-limit/rate-limit
    "github": Api(
        tuple(
            f"betterleaks.github-{kind}"
            for kind in ("pat", "fine-grained-pat", "oauth", "app-token")
        ),
        "/rate_limit",
    ),
    "gitlab": _declared(
        "gitlab-project-token",
        "betterleaks.gitlab-pat",
        "betterleaks.gitlab-pat-routable",
        "betterleaks.gitlab-pat-routable-versioned",
        dead=(401,),
        key="token",
    ),
    "datadog": _declared(
        "datadog-api-key", "betterleaks.datadog-api-key", dead=(403,), key="api_key"
    ),
    "sendgrid": _declared(
        "sendgrid",
        "betterleaks.sendgrid-api-token",
        "veles.secrets/sendgrid",
        dead=(401,),
        key="api_key",
    ),
    "slack": Api(
        ("betterleaks.slack-bot-token", "betterleaks.slack-user-token"),
        "/auth.test",
        "https://slack.com/api",
        method="POST",
        live=(),
        dead=(),
        words={("ok", True): Verdict.LIVE, **dict.fromkeys(_SLACK, Verdict.DEAD)},
    ),
    # It refuses tokens of accounts, which are asked about elsewhere, as it does invalid ones.
    # https://developers.cloudflare.com/api/resources/user/subresources/tokens/methods/verify/
    "cloudflare": Api(
        ("veles.secrets/cloudflareapitoken",),
        "/user/tokens/verify",
        "https://api.cloudflare.com/client/v4",
        live=(),
        dead=(),
        words={
            ("result.status", "active"): Verdict.LIVE,
            ("result.status", "disabled"): Verdict.DEAD,
            ("result.status", "expired"): Verdict.DEAD,
        },
    ),
    "stripe": Api(("betterleaks.stripe-access-token",), "/v1/balance", "https://api.stripe.com"),
    # It says 401 of callers too whose address it does not let in.
    # https://platform.openai.com/docs/guides/error-codes
    "openai": Api(
        ("betterleaks.openai-api-key",),
        "/v1/models",
        "https://api.openai.com",
        dead=(),
        words={("error.code", "invalid_api_key"): Verdict.DEAD},
    ),
}


def open_issuers(
    clients: Clients, urls: Mapping[str, str], ca_bundle: str | None = None
) -> Iterator[Issuer]:
    """
    Make everybody ready who can be asked.

    Args:
        clients: Say where STS is.
        urls: Of APIs, by their names in `APIS`, where they are.
        ca_bundle: CAs trusted beside the platform's own.
    """
    yield AwsKeys(clients)
    for name, api in APIS.items():
        if url := urls.get(name, api.url):
            yield HttpIssuer(api, url, ca_bundle)


def _fits_a_header(token: str) -> bool:
    """http.client quotes in its complaint what does not."""
    return token.isascii() and token.isprintable() and " " not in token


def _said(body: bytes, where: str) -> Any:
    """What stands in a JSON document under keys joined by dots; None where nothing does."""
    try:
        document = json.loads(body)
    except ValueError:
        return None
    for key in where.split("."):
        document = document.get(key) if isinstance(document, dict) else None
    return document
