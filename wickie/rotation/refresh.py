"""After a rotation on schedule: whoever uses the secret starts anew with its new value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from wickie.errors import DependentError
from wickie.model import DependentState
from wickie.rotation.dependents.registry import open_dependent
from wickie.rotation.dependents.together import refresh_together
from wickie.rotation.remote import RemoteSecret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wickie.aws import Clients
    from wickie.model import DependentOutcome

PERMISSIONS: Final = ("secretsmanager:DescribeSecret",)


def refresh_dependents(
    secret: str, declared: Mapping[str, Sequence[Mapping[str, Any]]], clients: Clients
) -> tuple[DependentOutcome, ...]:
    """
    Refresh every dependent of `secret` with the version in use, side by side.

    `declared` holds, by name or ARN of a secret, `kind` and options of what wickie.yaml declares.
    Raises `DependentError` naming those that did not come back, after all have been tried.
    """
    found = RemoteSecret.describe(clients, secret)
    entries = declared.get(found.name) or declared.get(found.arn) or ()
    dependents = [open_dependent(found.arn, entry, clients) for entry in entries]
    if not dependents:
        return ()
    version = found.current()
    outcomes = refresh_together([(dependent, version) for dependent in dependents])
    if ill := [o for o in outcomes if o.state is DependentState.UNHEALTHY]:
        told = "; ".join(f"{outcome.name}: {outcome.detail}" for outcome in ill)
        raise DependentError(f"not well with the new value of {found.name}: {told}")
    return outcomes
