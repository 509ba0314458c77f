"""What moto lacks of RDS: a database behind the endpoint, given the password a moment later."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pg8000.native
from moto.rds import models

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


@dataclass
class Rds:
    """Every instance and cluster of moto's is at localhost, in one database server."""

    run: Callable[[str], object]
    """Runs a statement in that server, as RDS's own user."""
    delay: float = 0.0
    modified: list[str] = field(default_factory=list)
    """Identifiers, one for each password that was set."""
    statement: Callable[[str, str], str] = lambda user, password: (
        f'alter role "{user}" password {pg8000.native.literal(password)}'
    )
    """Gives a user a password."""

    def install(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr("local.rds.binaries", lambda: None)  # this one is behind them, and no other
        patch.setattr(models.DBInstance, "address", "localhost")
        patch.setattr(models.DBCluster, "endpoint", "localhost")
        patch.setattr("wickie.providers.rds_master._PAUSE_SECONDS", 0.05)
        instance, cluster = (
            models.RDSBackend.modify_db_instance,
            models.RDSBackend.modify_db_cluster,
        )

        def modify_db_instance(backend: Any, identifier: str, kwargs: dict[str, Any]) -> Any:
            found = instance(backend, identifier, kwargs)
            self._set(found, identifier, kwargs.get("master_user_password"))
            return found

        def modify_db_cluster(backend: Any, kwargs: dict[str, Any]) -> Any:
            identifier, password = kwargs["db_cluster_identifier"], kwargs["master_user_password"]
            assert kwargs["apply_immediately"]
            found = cluster(backend, kwargs)
            self._set(backend.clusters[identifier], identifier, password)
            return found

        patch.setattr(models.RDSBackend, "modify_db_instance", modify_db_instance)
        patch.setattr(models.RDSBackend, "modify_db_cluster", modify_db_cluster)

    def _set(self, found: Any, identifier: str, password: str | None) -> None:
        if password is None:
            return
        self.modified.append(identifier)
        found.pending_modified_values = {"MasterUserPassword": "****"}

        def apply() -> None:
            self.run(self.statement(found.master_username, password))
            found.pending_modified_values = {}

        threading.Timer(self.delay, apply).start() if self.delay else apply()
