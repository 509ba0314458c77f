"""
CloudFormation's API over our own engine.

moto's stack operations are replaced as a whole: it has neither outputs after a change set nor
updates, rollback, ordering or events. Its stack sets and stack policies stay as they are.
"""

from __future__ import annotations

import json
import logging
import threading
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from moto.cloudformation.exceptions import ValidationError
from moto.cloudformation.responses import CloudFormationResponse
from moto.core.responses import ActionResult, EmptyResult

from local.cloudformation import changes, custom, parameters
from local.cloudformation.errors import TemplateError
from local.cloudformation.operation import Operation
from local.cloudformation.reads import Reads
from local.cloudformation.registry import check_types
from local.cloudformation.scope import Scope
from local.cloudformation.stack import ChangeSet, Target
from local.cloudformation.store import Store, arn
from local.cloudformation.template import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cloudformation.stack import Stack

_LOG = logging.getLogger(__name__)
_WAIT = 20.0
"""Seconds a request waits for the work it starts: the CDK CLI looks only every five seconds."""
_SETTINGS = (
    "EnableTerminationProtection",
    "RoleARN",
    "Capabilities",
    "NotificationARNs",
    "TimeoutInMinutes",
)
_NO_CHANGES = (
    "The submitted information didn't contain changes. "
    "Submit different information to create a change set."
)
_FINAL = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED")
_UPDATABLE = (*_FINAL, "UPDATE_FAILED", "REVIEW_IN_PROGRESS")


class Requests(Reads):
    """The operations that change something, beside those that only look."""

    def create_stack(self) -> ActionResult:
        """Create without a change set."""
        name = self._get_param("StackName")
        if self.store.find(name, self.region):
            raise TemplateError(f"Stack [{name}] already exists")
        body = self._template_body(None)
        stack = self.store.add(name, self.region)
        try:
            target = self._target(stack, body)
        except TemplateError:
            self.store.stacks.remove(stack)
            raise
        self._execute(stack, target, self._settings())
        return ActionResult({"StackId": stack.id})

    def update_stack(self) -> ActionResult:
        """Update without a change set."""
        stack = self._stack()
        _check_updatable(stack)
        target = self._target(stack, self._template_body(stack))
        if not _differs(self.store, stack, target):
            raise TemplateError("No updates are to be performed.")
        self._execute(stack, target, self._settings())
        return ActionResult({"StackId": stack.id})

    def create_change_set(self) -> ActionResult:
        """Prepare a creation or an update, and preview it."""
        name, kind = self._get_param("StackName"), self._get_param("ChangeSetType", "UPDATE")
        with self.store.lock:
            stack = self.store.find(name, self.region)
            if kind == "CREATE" and stack and stack.status != "REVIEW_IN_PROGRESS":
                raise TemplateError(f"Stack [{name}] already exists and cannot be created again")
            if kind != "CREATE" and stack is None:
                raise TemplateError(f"Stack [{name}] does not exist")
            body = self._template_body(stack)
            fresh = stack is None
            stack = stack or self.store.add(name, self.region)
            try:
                _check_updatable(stack)
                target = self._target(stack, body)
            except TemplateError:
                if fresh:
                    self.store.stacks.remove(stack)
                raise
            if fresh:
                stack.enter("REVIEW_IN_PROGRESS", "User Initiated")
            change_set = self._change_set(stack, target, kind)
            self.store.change_sets.append(change_set)
        return ActionResult({"Id": change_set.id, "StackId": stack.id})

    def _change_set(self, stack: Stack, target: Target, kind: str) -> ChangeSet:
        name = self._get_param("ChangeSetName")
        identity = arn("changeSet", name, self.region)
        settings = self._settings() | {"Description": self._get_param("Description")}
        change_set = ChangeSet(identity, name, kind, stack, target, (), settings)
        try:
            change_set.changes = changes.preview(self.store, stack, target)
            if not _differs(self.store, stack, target):
                change_set.reason = _NO_CHANGES
        except TemplateError as error:
            change_set.reason = str(error)
        if change_set.reason:
            change_set.status, change_set.execution = "FAILED", "UNAVAILABLE"
        return change_set

    def delete_change_set(self) -> EmptyResult:
        """Forget a change set; one that is not there is fine."""
        name, stack = self._get_param("ChangeSetName"), self._get_param("StackName")
        if change_set := self.store.change_set(name, stack, self.region):
            self.store.change_sets.remove(change_set)
        return EmptyResult()

    def execute_change_set(self) -> EmptyResult:
        """Create or update."""
        change_set = self._find_change_set()
        if change_set.execution != "AVAILABLE":
            raise TemplateError(f"ChangeSet [{change_set.id}] cannot be executed")
        _check_updatable(change_set.stack)
        change_set.execution = "EXECUTE_COMPLETE"
        self._execute(change_set.stack, change_set.target, change_set.settings)
        return EmptyResult()

    def delete_stack(self) -> EmptyResult:
        """Delete, unless another stack uses an export; no stack is fine."""
        stack = self.store.find(self._get_param("StackName"), self.region)
        if stack is None or stack.deleted:
            return EmptyResult()
        if stack.settings.get("EnableTerminationProtection"):
            raise TemplateError(f"Stack [{stack.name}] cannot be deleted while protected")
        for output in stack.outputs:
            for user in self.store.importers(output.export, self.region):
                if output.export and user is not stack:
                    raise TemplateError(
                        f"Export {output.export} cannot be deleted as it is in use by {user.name}"
                    )
        retain = self._get_param("RetainResources", [])
        operation = Operation(self.store, stack)
        _finish(stack, lambda: operation.delete(retain))
        return EmptyResult()

    def update_termination_protection(self) -> ActionResult:
        """Protect a stack, or no longer."""
        stack = self._stack()
        enabled = str(self._get_param("EnableTerminationProtection")).lower() == "true"
        stack.settings["EnableTerminationProtection"] = enabled
        return ActionResult({"StackId": stack.id})

    def process_cfn_response(self) -> tuple[int, dict[str, Any], str]:
        """Take a custom resource's answer."""
        custom.receive(self.store, json.loads(self.body))
        return 200, {}, ""

    def _settings(self) -> dict[str, Any]:
        return {name: v for name in _SETTINGS if (v := self._get_param(name)) is not None}

    def _target(self, stack: Stack, body: str) -> Target:
        template = parse(body)
        check_types(template)
        before = stack.target.parameters if stack.target else {}
        given = parameters.given(self._get_param("Parameters", []), before, template)
        ssm = self.store.world.client("ssm", self.region)
        tags = {tag["Key"]: tag["Value"] for tag in self._get_param("Tags", [])}
        values = parameters.resolved(given, template, ssm)
        target = Target(body, template, given, values, tags)
        Scope(self.store, stack, target).check_rules()
        return target

    def _execute(self, stack: Stack, target: Target, settings: dict[str, Any]) -> None:
        stack.settings.update({key: settings[key] for key in _SETTINGS if key in settings})
        keep = str(self._get_param("DisableRollback", "")).lower() == "true"
        operation = Operation(self.store, stack, keep_on_failure=keep)
        _finish(stack, lambda: operation.deploy(target))


def _check_updatable(stack: Stack) -> None:
    if stack.status not in _UPDATABLE:
        raise TemplateError(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")


def _differs(store: Store, stack: Stack, target: Target) -> bool:
    before = stack.target
    if before is None or before.template != target.template or before.tags != target.tags:
        return True
    if stack.status.endswith("FAILED") or changes.preview(store, stack, target):
        return True
    scope = Scope(store, stack, target, stack.resources)
    return changes.outputs(scope) != stack.outputs


def _finish(stack: Stack, work: Callable[[], None]) -> None:
    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001  (a bug of ours must not leave it in progress)
            _LOG.debug("stack %s", stack.name, exc_info=True)
            stack.enter(f"{stack.status.split('_')[0]}_FAILED", f"{type(error).__name__}: {error}")

    thread = threading.Thread(target=run, name=f"stack-{stack.name}", daemon=True)
    thread.start()
    thread.join(_WAIT)


def _as_request(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def operation(self: Any) -> Any:
        try:
            return method(self)
        except TemplateError as error:
            raise ValidationError(message=str(error)) from None

    return operation


def install(store: Store) -> None:
    """Answer CloudFormation's requests from this store."""
    response: Any = CloudFormationResponse
    response.store = store
    _patch()


@cache
def _patch() -> None:
    response: Any = CloudFormationResponse
    for name, method in {**vars(Reads), **vars(Requests)}.items():
        if callable(method) and not name.startswith("__"):
            setattr(response, name, method if name.startswith("_") else _as_request(method))
    for key in ("DescribeChangeSetOutput.Changes", "DescribeChangeSetOutput.Parameters"):
        response.RESPONSE_KEY_PATH_TO_TRANSFORMER.pop(key, None)
    response.RESPONSE_KEY_PATH_TO_TRANSFORMER.pop("DescribeStacksOutput.Stacks.Stack.Tags", None)
