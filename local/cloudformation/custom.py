"""Custom resources: a Lambda function makes, changes and deletes them, and says so by HTTP."""

from __future__ import annotations

import json
import time
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from local.cloudformation.errors import ResourceError
from local.cloudformation.types.call import ResourceType

if TYPE_CHECKING:
    from local.cloudformation.store import Store
    from local.cloudformation.types.call import Call

_PATIENCE = 30.0
"""Seconds for an answer after the function has returned; AWS waits an hour."""


def is_custom(name: str) -> bool:
    """Whether a type's resources are made by a function of the user's."""
    return name.startswith("Custom::") or name == "AWS::CloudFormation::CustomResource"


def resource_type(store: Store) -> ResourceType:
    """The type of all custom resources. An update may answer with a new physical id."""
    return ResourceType(
        create=lambda call: _request(store, call, "Create"),
        update=lambda call: _request(store, call, "Update"),
        delete=lambda call: _request(store, call, "Delete"),
        immutable=frozenset({"ServiceToken"}),
        tags="",
    )


def receive(store: Store, answer: dict[str, Any]) -> None:
    """Take what a function has put to its `ResponseURL`."""
    with store.answered:
        store.answers[str(answer["RequestId"])] = answer
        store.answered.notify_all()


def _request(store: Store, call: Call, request_type: str) -> None:
    token = str(call.properties["ServiceToken"])
    if not token.startswith("arn:aws:lambda:"):
        raise ResourceError(f"ServiceToken {token}: only Lambda functions are called locally")
    request = _event(store, call, request_type, token)
    call.physical_id = call.physical_id or call.name  # what AWS uses if the function names none
    result = call.client("lambda").invoke(FunctionName=token, Payload=json.dumps(request))
    answer = _answer(store, call, request["RequestId"], result)
    call.physical_id = str(answer.get("PhysicalResourceId") or call.physical_id)
    if answer.get("Status") != "SUCCESS":
        reason = answer.get("Reason", "")
        raise ResourceError(
            f"Received response status [FAILED] from custom resource. Message returned: {reason}"
        )
    call.attributes = dict(answer.get("Data") or {})


def _event(store: Store, call: Call, request_type: str, token: str) -> dict[str, Any]:
    endpoint, stack = store.world.endpoint, quote(call.stack_id, safe="")
    event = {
        "RequestType": request_type,
        "ServiceToken": token,
        "ResponseURL": f"{endpoint}/cloudformation_{call.region}/cfnresponse?stack={stack}",
        "StackId": call.stack_id,
        "RequestId": str(uuid.uuid4()),
        "LogicalResourceId": call.logical_id,
        "ResourceType": call.type,
        "ResourceProperties": _as_text(call.properties),
    }
    if request_type != "Create":
        event["PhysicalResourceId"] = call.physical_id
    if request_type == "Update":
        event["OldResourceProperties"] = _as_text(call.previous)
    return event


def _answer(store: Store, call: Call, request_id: str, result: dict[str, Any]) -> dict[str, Any]:
    failed = "FunctionError" in result
    patience = 0.0 if failed else float(call.properties.get("ServiceTimeout", _PATIENCE))
    deadline = time.monotonic() + patience
    with store.answered:
        while request_id not in store.answers:
            if (left := deadline - time.monotonic()) <= 0:
                break
            store.answered.wait(left)
        if (answer := store.answers.pop(request_id, None)) is not None:
            return dict(answer)
    if failed:  # AWS would wait on and time out; nobody needs that here
        error = json.loads(result["Payload"].read() or b"{}")
        raise ResourceError(
            f"The function of {call.logical_id} failed: "
            f"{error.get('errorType')}: {error.get('errorMessage')}"
        )
    raise ResourceError(
        f"CloudFormation did not receive a response from your Custom Resource {call.logical_id}"
    )


def _as_text(value: Any) -> Any:
    """CloudFormation hands every scalar to the function as a string."""
    if isinstance(value, dict):
        return {key: _as_text(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
