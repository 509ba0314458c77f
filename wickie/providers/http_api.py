"""
Any HTTP API that issues, verifies and revokes tokens, as a declaration in YAML describes it.

wickie.apis reads declarations and holds the ones shipped; here they are followed. Where requests
go is said by wickie.yaml and never by the secret: whoever may write a secret must not be able to
have its successor sent elsewhere.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from wickie.credentials import ApiToken, Sensitive
from wickie.errors import AuthenticationError, ProviderError, ProviderUnavailableError, redacted
from wickie.https import ASK_AGAIN, call, place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from wickie.https import Reply
    from wickie.providers import Context

_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?:\+(\d+))?\}")
_MODELLED: Final = re.compile(r"\{(\w+):([\w.]+)\}")
_JSON: Final = {"Accept": "application/json", "Content-Type": "application/json"}
_GOOD: Final = range(200, 300)


@dataclass(frozen=True)
class HttpApi:
    """An `Issuer` and a `Sweeper` by declaration."""

    context: Context

    def parse(self, text: str, name: str) -> ApiToken:
        """See `Provider.parse`."""
        keys = (self._api["secret"], self._api["id"])
        return ApiToken.parse(text, name, keys, self._base)

    def sign_in(self, token: ApiToken) -> str:
        """See `Provider.sign_in`. What the API says of the token's rights, for comparison."""
        answer = self._ask("verify", token)
        pointers = self._api["verify"].get("rights", [])
        rights = [_at(answer, pointer) for pointer in pointers]
        return json.dumps(rights, sort_keys=True) if rights else f"a token of {self._base}"

    def issue(
        self, current: ApiToken, previous: Callable[[], ApiToken | None], token: str
    ) -> ApiToken:
        """
        See `Issuer.issue`.

        The one before the one in use had a whole period to be replaced, and goes now.
        """
        last = previous()
        if last and last.id != current.id:
            self._revoke(last.id, current)
        answer = self._ask("issue", current, rotation=token)
        issue = self._api["issue"]
        made, id_ = _at(answer, issue["token"]), _at(answer, issue["id"])
        if not isinstance(made, str) or id_ is None:
            raise ProviderError(
                f"{self._base} issued a token, but its answer has none at {issue['token']} or no "
                f"id at {issue['id']}; correct the declaration: the next attempt revokes the token"
            )
        return current.succeeded_by(str(id_), Sensitive(made))

    def revoke(self, old: ApiToken, current: ApiToken) -> None:
        """See `Issuer.revoke`."""
        self._revoke(old.id, current)

    def sweep(self, stored: ApiToken, current: ApiToken, token: str) -> None:
        """See `Sweeper.sweep`. What a rotation made is known by its name, which holds `token`."""
        for id_ in self._named(current, token):
            if id_ not in (stored.id, current.id):
                self._revoke(id_, current)

    def _revoke(self, id_: str, current: ApiToken) -> None:
        self._ask("revoke", current, **{self._api["id"]: id_})

    def _named(self, current: ApiToken, token: str) -> Iterator[str]:
        """Ids of the tokens that a rotation made and lost: by their names."""
        listing = self._api["list"]
        items = _at(self._ask("list", current, rotation=token), listing.get("items", ""))
        for item in items if isinstance(items, list) else []:
            id_ = str(_at(item, listing["id"]))
            if token in str(_at(item, listing["name"])):
                yield id_

    def _ask(self, what: str, by: ApiToken, **more: str) -> Any:
        """Send one of the declared requests in the name of the token `by`; return the answer."""
        asked = self._api[what]
        values = {**by.texts(), **self.context.options, **more}
        path = _PLACEHOLDER.sub(lambda m: quote(_value(m, values), safe=""), asked["path"])
        headers = {name: _filled(text, values) for name, text in self._api["headers"].items()}
        body = None
        if "body" in asked:
            body = json.dumps(_filled(self._modelled(asked["body"], by), values)).encode()
        with redacted(by.token):
            reply = call(
                asked["method"],
                f"{self._base}{path}",
                headers={**_JSON, **headers},
                body=body,
                ca_bundle=self.context.ca_bundle,
            )
            return self._read(what, by, reply)

    def _read(self, what: str, by: ApiToken, reply: Reply) -> Any:
        asked = self._api[what]
        if reply.status in asked.get("gone", ()):
            return None
        if reply.status in asked.get("dead", (401,)):
            raise AuthenticationError(
                f"{self._base} does not honour the token {by.holder} ({reply.status})"
            )
        where = f"{asked['method']} {place(self._base)}{asked['path'].partition('?')[0]}"
        if reply.status in ASK_AGAIN:
            raise ProviderUnavailableError(f"{where} answered {reply.status}; try again later")
        if reply.status not in _GOOD:
            raise ProviderError(
                f"{where} answered {reply.status}; check the token's rights and the declaration"
            )
        try:
            return json.loads(reply.body) if reply.body.strip() else None
        except ValueError:
            raise ProviderError(f"{where} did not answer in JSON; check base_url") from None

    def _modelled(self, body: Any, by: ApiToken) -> Any:
        """Put in what other requests answer: a successor has the rights of the token in use."""
        if isinstance(body, dict):
            return {name: self._modelled(item, by) for name, item in body.items()}
        if isinstance(body, str) and (match := _MODELLED.fullmatch(body)):
            return _at(self._ask(match[1], by), match[2])
        return body

    @property
    def _base(self) -> str:
        return self.context.option("base_url").rstrip("/")

    @property
    def _api(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.context.option("api"))
        return document


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    """Put values into every text of a JSON document."""
    if isinstance(template, str):
        return _PLACEHOLDER.sub(lambda match: _value(match, values), template)
    if isinstance(template, dict):
        return {name: _filled(item, values) for name, item in template.items()}
    if isinstance(template, list):
        return [_filled(item, values) for item in template]
    return template


def _value(match: re.Match[str], values: Mapping[str, str]) -> str:
    name, days = match.groups()
    if name == "today":
        return str((datetime.now(UTC) + timedelta(days=int(days or 0))).date())
    if name not in values:
        raise ProviderError(
            f"the declaration wants {{{name}}}; put {name} into the secret's JSON or into options"
        )
    return values[name]


def _at(document: Any, pointer: str) -> Any:
    """What stands in a JSON document under keys joined by dots; None where nothing does."""
    for key in filter(None, pointer.split(".")):
        document = document.get(key) if isinstance(document, dict) else None
    return document
