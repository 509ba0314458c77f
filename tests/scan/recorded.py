"""AWS as a scan sees it, with every call written down, and some of them refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Any, Final

import boto3
from botocore.validate import validate_parameters

from wickie.aws import Clients

_ANSWERED: Final = SimpleNamespace(status_code=200)
_REFUSED: Final = SimpleNamespace(status_code=403)


def iam_action(model: Any) -> str:
    """What IAM calls an operation; API Gateway's are named by the method of HTTP."""
    service = model.service_model.signing_name
    return f"{service}:{model.http['method'] if service == 'apigateway' else model.name}"


@dataclass
class Recorded:
    """Clients of a session whose calls are in `calls`, by their operations."""

    refused: str = ""
    """An operation that AWS does not allow."""
    replies: dict[str, Any] = field(default_factory=dict)
    """
    What it says to an operation, or a function of the parameters that says it.

    By its name, or by the action of IAM where two services have one of that name.
    """
    calls: list[str] = field(default_factory=list)
    actions: set[str] = field(default_factory=set)

    @cached_property
    def clients(self) -> Clients:
        session = boto3.Session()
        session.events.register("provide-client-params", self._noted)
        session.events.register("before-call", self._called)
        return Clients(session)

    def _noted(self, params: Any, context: Any, **_: Any) -> None:
        context["told"] = params

    def _called(self, model: Any, context: Any, **_: Any) -> tuple[Any, Any] | None:
        self.calls.append(model.name)
        self.actions.add(iam_action(model))
        if model.name == self.refused:
            return _REFUSED, {"Error": {"Code": "AccessDenied", "Message": f"no {model.name}"}}
        reply = self.replies.get(iam_action(model), self.replies.get(model.name))
        if reply is None:
            return None
        reply = reply(**context["told"]) if callable(reply) else reply
        # As botocore's Stubber does: a reply that AWS could not give proves nothing.
        validate_parameters(reply, model.output_shape)
        return _ANSWERED, reply
