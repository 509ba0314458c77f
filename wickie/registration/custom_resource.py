"""
What CloudFormation asks the register function: two custom resources, and the answer to each.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Final

from wickie.asking import asking
from wickie.errors import Error
from wickie.https import call
from wickie.registration.connection import LEAVING, PATIENT, connect
from wickie.registration.manifest import Manifest
from wickie.registration.pusher import end_keys, first_key
from wickie.registration.registrar import Registrar
from wickie.registration.removal import unregister
from wickie.registration.work_pool import WorkPool
from wickie.rotation.refresh import refresh_dependents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from wickie.asking import Patience
    from wickie.aws import Clients
    from wickie.registration.connection import Connection

REGISTRATION: Final = "Custom::WickieRegistration"
PUSHER_KEY: Final = "Custom::WickiePusherKey"
NOTHING: Final = "nothing-registered"
"""The id of a resource whose making failed: taking it away takes nothing away."""
PERMISSIONS: Final = ("cloudformation:DescribeStacks",)
"""On the function's own stack."""
_log = logging.getLogger("wickie")
_LONGEST_REASON: Final = 1000
_ECHOED: Final = ("StackId", "RequestId", "LogicalResourceId")


def answer(
    event: Mapping[str, Any], clients: Clients, manifest: Path, remaining: Callable[[], float]
) -> None:
    """Do what `event` asks, and tell CloudFormation. It would wait an hour for no answer."""
    physical_id = event.get("PhysicalResourceId", NOTHING)
    status, reason = "SUCCESS", ""
    try:
        if event["RequestType"] == "Delete":
            _take_away(event, clients, manifest)
        else:
            physical_id = _make(event, clients, manifest, remaining)
    except Exception as error:  # noqa: BLE001  (whatever it is, an answer is due)
        # Of what is not ours only the kind is safe to show.
        reason = str(error) if isinstance(error, Error) else f"broke ({type(error).__name__})"
        _log.error("%s of %s: %s", event["RequestType"], event["ResourceType"], reason)
        status = "SUCCESS" if _goes_back(event, clients) else "FAILED"
    told = {
        **{name: event[name] for name in _ECHOED},
        "Status": status,
        "Reason": reason[:_LONGEST_REASON],
        "PhysicalResourceId": physical_id,
    }
    # The URL is signed for a request without a content type.
    headers = {"Content-Type": ""}
    call("PUT", event["ResponseURL"], headers=headers, body=json.dumps(told).encode())


def _goes_back(event: Mapping[str, Any], clients: Clients) -> bool:
    """
    Whether a failure would hold a stack back: one that is deleted, or rolls back already.

    An update that failed is undone by another, which fails likewise as long as Prefect is down; the
    stack would be UPDATE_ROLLBACK_FAILED, and a person have to go on.
    """
    if event["RequestType"] != "Update":
        return bool(event["RequestType"] == "Delete")
    try:
        with asking("the stack"):
            found = clients.service("cloudformation").describe_stacks(StackName=event["StackId"])
    except Error:
        return False
    return "ROLLBACK" in found["Stacks"][0]["StackStatus"]


def _make(
    event: Mapping[str, Any], clients: Clients, manifest: Path, remaining: Callable[[], float]
) -> str:
    wanted = event["ResourceProperties"]
    if event["ResourceType"] == PUSHER_KEY:
        _log.info("%s: %s", wanted["User"], first_key(clients, wanted["User"], wanted["Secret"]))
        return str(wanted["User"])
    connection = _connected(wanted, clients, PATIENT)
    declared = Manifest.parse(manifest.read_text())
    registrar = Registrar(connection.server, remaining=remaining)
    pool = WorkPool.parse(wanted["WorkPool"])
    changes = registrar.register(declared, pool, connection.key)
    for secret, dependents in declared.filled.items():
        registrar.require_time()
        refresh_dependents(secret, {secret: dependents}, clients)
    _log.info(json.dumps({"changes": list(map(str, changes)), "warnings": registrar.warnings}))
    # The same for another address of Prefect: were this one deleted, it would take away, where both
    # are one server, what has just been made.
    return declared.pool


def _take_away(event: Mapping[str, Any], clients: Clients, manifest: Path) -> None:
    if event["PhysicalResourceId"] == NOTHING:
        return
    wanted = event["ResourceProperties"]
    if event["ResourceType"] == PUSHER_KEY:
        _log.info("%s: deleted %s", wanted["User"], end_keys(clients, wanted["User"]))
        return
    connection = _connected(wanted, clients, LEAVING)
    declared, pool = Manifest.parse(manifest.read_text()), WorkPool.parse(wanted["WorkPool"])
    gone = unregister(connection.server, declared, pool)
    _log.info(json.dumps({"gone": gone}))


def _connected(wanted: Mapping[str, Any], clients: Clients, patience: Patience) -> Connection:
    return connect(
        clients.secrets_manager,
        wanted["ApiUrl"],
        api_key_secret=wanted.get("ApiKeySecret"),
        auth_string_secret=wanted.get("AuthStringSecret"),
        patience=patience,
    )
