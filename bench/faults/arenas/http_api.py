"""GitLab's token API by a server that speaks it and decides for itself whom it lets in."""

from __future__ import annotations

import json
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.faults.standins.token_api import SCOPES, GitLab, serving
from wickie.apis import settled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence


class GitLabArena:
    """Tokens whose scopes tell whose they are, since a successor gets the same."""

    def __init__(self, vendor: GitLab) -> None:
        self._vendor = vendor
        self.options: Mapping[str, str] = settled({**vendor.options, "base_url": vendor.url})

    def secret(self) -> str:
        """See `Arena`."""
        made = self._vendor.add("made by hand", scopes=[*SCOPES, f"of-{uuid.uuid4()}"])
        return json.dumps({"token": made["token"], "id": made["id"]})

    def honours(self, value: str) -> bool:
        """See `Arena`."""
        return self._vendor.honours(json.loads(value)["token"])

    def strays(self, values: Sequence[str]) -> list[str]:
        """See `Counted`."""
        held, tokens = {json.loads(value)["id"] for value in values}, self._vendor.tokens
        scopes = [tokens[id_]["scopes"] for id_ in held if id_ in tokens]
        return [
            id_ for id_, token in tokens.items() if token["scopes"] in scopes and id_ not in held
        ]


@contextmanager
def gitlab() -> Iterator[GitLabArena]:
    """Of the shipped declarations the one that asks most: issuing asks for scopes first."""
    vendor = GitLab()
    with serving(vendor):
        yield GitLabArena(vendor)
