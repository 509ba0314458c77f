"""What is planted: values drawn anew at each run, written as the seed has it."""

from __future__ import annotations

import base64
import json
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final
from urllib.parse import quote

from tests.scan.paper import ALPHANUMERIC, arn, drawn, github_token
from tests.scan.plants import Setting

# No vowels, of which words are made, and none of `xxxx`: chance would write a placeholder.
_WORDLESS: Final = "bcdfghjkmnpqrstvwzBCDFGHJKMNPQRSTVWZ23456789"
_HEX: Final = string.hexdigits[:16]
_PEOPLES: Final = ("Brook", "Tiger", "Maple", "Violin", "Quartz", "Harbor")
_ENCODED: Final[Sequence[Callable[[str], str]]] = (
    str,
    lambda value: f"postgres://app:{quote(value, safe='')}@db.internal:5432/shop",
    lambda value: json.dumps({"user": "app", "password": value}),
    lambda value: base64.b64encode(f"app:{value}".encode()).decode(),
    lambda value: f"Basic {base64.b64encode(f'app:{value}'.encode()).decode()}",
)
"""How a value of a managed secret is written."""
_TOKENS: Final[Sequence[Callable[[], str]]] = (
    github_token,
    lambda: f"glpat-{drawn(20, ALPHANUMERIC)}",
    lambda: f"sk_live_{drawn(24, ALPHANUMERIC)}",
    lambda: f"https://hooks.slack.com/services/T{_upper(8)}/B{_upper(8)}/{drawn(24, ALPHANUMERIC)}",
    lambda: f"AIza{drawn(35, ALPHANUMERIC)}",
    lambda: f"npm_{drawn(36, ALPHANUMERIC)}",
    lambda: f"SG.{drawn(22, ALPHANUMERIC)}.{drawn(43, ALPHANUMERIC)}",
    lambda: f"shpat_{drawn(32, _HEX)}",
    lambda: f"dop_v1_{drawn(64, _HEX)}",
    lambda: f"glsa_{drawn(32, ALPHANUMERIC)}_{drawn(8, _HEX)}",
    lambda: f"lin_api_{drawn(40, ALPHANUMERIC)}",
)
_TOKEN_LABELS: Final = ("GITHUB_AUTH", "INTEGRATION", "WEBHOOK", "DEPLOY_WITH", "UPSTREAM")
_PASSWORD_LABELS: Final = ("DB_PASSWORD", "MYSQL_ROOT_PASSWORD", "SMTP_PASSWORD", "ADMIN_PASSWORD")
_KEY_LABELS: Final = ("API_KEY", "CLIENT_SECRET", "SIGNING_KEY", "ACCESS_TOKEN")
KINGFISHERS: Final = "Kingfisher's"
WICKIES: Final = "wickie's"


@dataclass(frozen=True)
class Leak:
    """A setting that is to be found, and as what: a secret's ARN, or by whose rules."""

    setting: Setting
    what: str

    @property
    def is_managed(self) -> bool:
        return self.what.startswith("arn:")


def _upper(length: int) -> str:
    return drawn(length, string.ascii_uppercase + string.digits)


def mixed(length: int) -> str:
    """As mixed as nearly all that are drawn."""
    while True:
        value = drawn(length, _WORDLESS)
        kinds = (str.isdigit, str.islower, str.isupper)
        if all(sum(map(kind, value)) >= 2 for kind in kinds):
            return value


def _managed(draw: Random, secret: Mapping[str, str]) -> Leak:
    name = draw.choice(sorted(secret))
    text = draw.choice(_ENCODED)(secret[name])
    return Leak(Setting(draw.choice(_PASSWORD_LABELS), text), arn(name))


def _token(draw: Random, _: Mapping[str, str]) -> Leak:
    return Leak(Setting(draw.choice(_TOKEN_LABELS), draw.choice(_TOKENS)()), KINGFISHERS)


def _password(draw: Random, _: Mapping[str, str]) -> Leak:
    words = f"{secrets.choice(_PEOPLES)}{secrets.choice(_PEOPLES)}{secrets.randbelow(900) + 100}"
    return Leak(Setting(draw.choice(_PASSWORD_LABELS), draw.choice((words, mixed(20)))), WICKIES)


def _address(draw: Random, _: Mapping[str, str]) -> Leak:
    scheme = draw.choice(("postgresql", "amqp", "redis", "mysql"))
    return Leak(
        Setting("DATABASE_URL", f"{scheme}://app:{mixed(16)}@db.internal/shop"), KINGFISHERS
    )


def _key(draw: Random, _: Mapping[str, str]) -> Leak:
    return Leak(Setting(draw.choice(_KEY_LABELS), mixed(40)), WICKIES)


LEAKS: Final[Sequence[Callable[[Random, Mapping[str, str]], Leak]]] = (
    _managed,
    _token,
    _password,
    _address,
    _key,
)
"""Each takes managed secrets by their names."""
