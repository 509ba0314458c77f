"""
Declarations of HTTP APIs whose tokens rotate: the ones shipped, and how one of your own is read.

A declaration says which requests issue, verify, list and revoke a token; `HttpApi` follows it.
`{name}` stands for a key of the secret's JSON, an option, `{rotation}` (what every name of an
issued token must hold), or `{today+90}`; `{call:a.b}`, alone in a text of `issue`, for what
stands at `a.b` in the answer to another declared request, such as the rights of the token in use.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

FOLDER: Final = Path(__file__).parent
_PLACEHOLDER: Final = re.compile(r"\{(\w+)(?:\+\d+|:([\w.]+))?\}")
_GIVEN: Final = frozenset({"rotation", "today"})


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Call(_Part):
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    body: Any = None


class _Verify(_Call):
    dead: tuple[int, ...] = (401,)
    rights: tuple[str, ...] = ()


class _Listing(_Call):
    items: str = ""
    id: str
    name: str


class _Issue(_Call):
    token: str
    id: str


class _Revoke(_Call):
    gone: tuple[int, ...] = (404,)


class Declaration(_Part):
    """How an API is asked for a token, about it, and to forget it."""

    secret: str
    """Key of the secret's JSON that holds the token."""
    id: str
    """Key that holds the id by which the API knows the token."""
    also: tuple[str, ...] = ()
    """Other keys of the secret's JSON that requests make use of."""
    options: dict[str, str | None]
    """What wickie.yaml may set, with defaults; null is to be set there."""
    headers: dict[str, str]
    verify: _Verify
    list: _Listing
    issue: _Issue
    revoke: _Revoke
    model: _Call | None = None
    """A further request whose answer `issue` makes use of."""


def shipped() -> list[str]:
    """Names of the declarations that wickie brings along."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_declaration(name: str) -> Declaration:
    """Read a shipped declaration by its name, or one of your own by its path."""
    path = Path(name) if "/" in name or name.endswith(".yaml") else FOLDER / f"{name}.yaml"
    try:
        declaration = Declaration.model_validate(yaml.safe_load(path.read_text()))
    except OSError:
        raise ConfigError(
            f"no API {name!r}; use one of {', '.join(shipped())}, or the path of a YAML file"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{name} is not YAML: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors(include_input=False)
        )
        raise ConfigError(f"API {name}: {wrong}") from None
    _check(name, declaration)
    return declaration


def settled(options: Mapping[str, str]) -> dict[str, str]:
    """
    Replace the name of an API by its declaration, as JSON, and fill its defaults in.

    Raises `ConfigError` for an option that is unknown or missing.
    """
    if "api" not in options:
        raise ConfigError(f"api is missing; use one of {', '.join(shipped())}, or a path")
    declaration = read_declaration(options["api"])
    given = {name: value for name, value in options.items() if name != "api"}
    if unknown := sorted(set(given) - set(declaration.options)):
        known = ", ".join(declaration.options)
        raise ConfigError(f"{', '.join(unknown)}: the options of this API are {known}")
    values = {**declaration.options, **given}
    if missing := sorted(name for name, value in values.items() if not value):
        raise ConfigError(f"{', '.join(missing)}: this API needs it; set it in options")
    document = declaration.model_dump(mode="json", exclude={"options"}, exclude_none=True)
    return {"api": json.dumps(document), **{name: str(value) for name, value in values.items()}}


def _check(name: str, declaration: Declaration) -> None:
    """Refuse a placeholder that nothing will ever fill, before anything is issued by it."""
    document = declaration.model_dump(mode="json", exclude_none=True)
    if "base_url" not in declaration.options:
        raise ConfigError(f"API {name}: options lacks base_url; add it")
    known = {declaration.secret, declaration.id, *declaration.also, *declaration.options, *_GIVEN}
    for text in _texts([document["headers"], *map(document.get, _CALLS)]):
        for match in _PLACEHOLDER.finditer(text):
            if match[1] not in (_CALLS if match[2] else known):
                raise ConfigError(
                    f"API {name}: nothing is known by {match[0]}; name it under options or also"
                )
    if "{rotation}" not in json.dumps(document["issue"].get("body")):
        raise ConfigError(
            f"API {name}: issue must name the token by {{rotation}}, or one that a crash leaves "
            f"behind is never found"
        )


_CALLS: Final = ("verify", "list", "issue", "revoke", "model")


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, (dict, list)):
        items: Iterable[Any] = document.values() if isinstance(document, dict) else document
        for item in items:
            yield from _texts(item)
