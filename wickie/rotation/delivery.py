"""
Copies a secret's value into blocks of a Prefect server. The rotation function does it, alone.

It may read the secret already, so nobody else has to; and where the value may go stands in its
own settings, so whoever invokes it can ask for a delivery but not choose the address.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wickie.credentials import Sensitive
from wickie.errors import ConfigError, DependentError, NotFoundError, redacted
from wickie.https import authorization, place
from wickie.prefect import PERMISSIONS, PrefectServer, read_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wickie.aws import Clients
    from wickie.rotation.driver import Rotation

__all__ = ["PERMISSIONS", "Block", "act"]


def act(
    rotation: Rotation[Any],
    event: Mapping[str, str],
    declared: Sequence[Mapping[str, Any]],
    clients: Clients,
    ca_bundle: str | None,
) -> str:
    """Copy the value in use into the block that `event` names, or only look for that block."""
    rotation.require_time(event["Action"])
    asked = (event.get("Server"), event.get("Block"))
    entry = next((e for e in declared if (e["api_url"], e["block"]) == asked), None)
    if entry is None:
        raise ConfigError(
            f"block {asked[1]} is not declared for this secret; declare it under dependents in "
            f"wickie.yaml and run cdk deploy"
        )
    keys = {
        name: read_key(clients.secrets_manager, entry[name]).text
        for name in ("api_key", "auth_string")
        if name in entry
    }
    header = authorization(keys.get("api_key"), keys.get("auth_string"))
    server = PrefectServer(entry["api_url"], header, ca_bundle)
    block = Block(server, entry["block"], entry["fields"])
    credential = rotation.secret.read(rotation.secret.versions().current())
    document = json.loads(credential.to_secret_string())
    confidential = [credential.secret, *map(Sensitive, keys.values())]
    with redacted(*confidential):
        if event["Action"] == "locate":
            block.locate()
            return "it exists"
        return block.deliver(document)


@dataclass(frozen=True)
class Block:
    """A block as wickie.yaml declares it."""

    server: PrefectServer
    name: str
    """Slug of its type, a slash, and its own name."""
    fields: Mapping[str, str]
    """Which key of the secret's JSON goes into which field."""

    def locate(self) -> Mapping[str, Any]:
        """Read the block. Raises `NotFoundError` or, if it lacks a field, `ConfigError`."""
        slug, _, name = self.name.partition("/")
        found: dict[str, Any] | None = self.server.get(
            f"/block_types/slug/{slug}/block_documents/name/{name}?include_secrets=true"
        )
        if found is None:
            raise NotFoundError(
                f"block {self.name} does not exist at {place(self.server.api_url)}; create it, "
                f"or correct dependents in wickie.yaml"
            )
        # The server takes any field, so a misspelt one would be stored and never read.
        known = found["block_schema"]["fields"].get("properties", {})
        if wrong := sorted(set(self.fields) - set(known)):
            raise ConfigError(
                f"block {self.name} has no field {', '.join(wrong)}; correct fields in "
                f"wickie.yaml to some of {', '.join(sorted(known))}"
            )
        return found

    def deliver(self, document: Mapping[str, Any]) -> str:
        """Have the block hold what the secret's JSON holds, and say what came of it."""
        if missing := sorted(set(self.fields.values()) - set(document)):
            raise ConfigError(
                f"the secret's JSON has no {', '.join(missing)}; correct fields of block "
                f"{self.name} in wickie.yaml"
            )
        wanted = {name: document[key] for name, key in self.fields.items()}
        found = self.locate()
        if not _differing(found["data"], wanted):
            return "it holds the value in use already"
        path = f"/block_documents/{found['id']}"
        self.server.patch(path, {"data": wanted, "merge_existing_data": True})
        return self._proven(self.locate()["data"], wanted)

    def _proven(self, data: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
        """Compare what the server shows with what it was to hold; it may show asterisks."""
        differing = _differing(data, wanted)
        hidden = {name for name in differing if not str(data.get(name, "?")).strip("*")}
        if wrong := sorted(differing - hidden):
            raise DependentError(
                f"block {self.name} does not hold the value in use after it was written "
                f"({', '.join(wrong)}); see who else writes it"
            )
        if hidden:
            return f"written; Prefect does not show this key {', '.join(sorted(hidden))}"
        return "it holds the value in use"


def _differing(data: Mapping[str, Any], wanted: Mapping[str, Any]) -> set[str]:
    return {name for name, value in wanted.items() if data.get(name) != value}
