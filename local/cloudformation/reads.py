"""The operations of CloudFormation's API that only look."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.cloudformation.exceptions import CloudFormationError
from moto.core.responses import ActionResult

from local.cloudformation import views
from local.cloudformation.errors import TemplateError
from local.cloudformation.template import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cloudformation.stack import ChangeSet, Stack
    from local.cloudformation.store import Store


class ChangeSetNotFoundError(CloudFormationError):
    """The code by which the CDK CLI knows that there is none."""

    code = "ChangeSetNotFound"


class Reads:
    """Operations as methods of moto's response class: `self` is a request."""

    store: Store
    region: str
    body: Any
    _get_param: Callable[..., Any]
    _get_stack_from_s3_url: Callable[[str], str]

    def describe_change_set(self) -> ActionResult:
        """A change set and its changes."""
        return ActionResult(views.change_set(self._find_change_set()))

    def list_change_sets(self) -> ActionResult:
        """A stack's change sets."""
        stack = self._stack()
        found = [views.change_set(c) for c in self.store.change_sets if c.stack is stack]
        return ActionResult({"Summaries": found})

    def describe_stacks(self) -> ActionResult:
        """One stack, or all that live."""
        if self._get_param("StackName"):
            stacks = [self._stack()]
        else:
            stacks = list(self.store.living(self.region))
        return ActionResult({"Stacks": [views.stack(stack) for stack in stacks]})

    def list_stacks(self) -> ActionResult:
        """All stacks, the deleted ones too."""
        wanted = self._get_param("StackStatusFilter", [])
        stacks = [s for s in self.store.stacks if s.region == self.region]
        found = [views.summary(s) for s in stacks if not wanted or s.status in wanted]
        return ActionResult({"StackSummaries": found})

    def describe_stack_events(self) -> ActionResult:
        """Everything that happened, the newest first."""
        stack = self._stack()
        events = [views.event(stack, event) for event in reversed(stack.events)]
        return ActionResult({"StackEvents": events})

    def describe_stack_resource(self) -> ActionResult:
        """One resource."""
        return ActionResult({"StackResourceDetail": self._resources()[0]})

    def describe_stack_resources(self) -> ActionResult:
        """All resources of a stack, or one."""
        return ActionResult({"StackResources": self._resources()})

    def list_stack_resources(self) -> ActionResult:
        """All resources of a stack."""
        return ActionResult({"StackResourceSummaries": self._resources()})

    def _resources(self) -> list[dict[str, Any]]:
        stack, name = self._stack(), self._get_param("LogicalResourceId")
        if name and name not in stack.resources:
            raise TemplateError(f"Resource {name} does not exist for stack {stack.name}")
        found = [stack.resources[name]] if name else list(stack.resources.values())
        return [views.resource(stack, resource) for resource in found]

    def get_template(self) -> ActionResult:
        """The template as it was given."""
        if self._get_param("ChangeSetName"):
            return ActionResult({"TemplateBody": self._find_change_set().target.body})
        stack = self._stack()
        return ActionResult({"TemplateBody": stack.target.body if stack.target else "{}"})

    def get_template_summary(self) -> ActionResult:
        """A template's types and parameters."""
        stack = self._stack() if self._get_param("StackName") else None
        body = stack.target.body if stack and stack.target else self._template_body(None)
        template = parse(body)
        declared = (template.get("Parameters") or {}).items()
        return ActionResult(
            {
                "ResourceTypes": sorted({r["Type"] for r in template["Resources"].values()}),
                "Parameters": [
                    {"ParameterKey": name, "ParameterType": p["Type"]}
                    | ({"DefaultValue": str(p["Default"])} if "Default" in p else {})
                    for name, p in declared
                ],
            }
        )

    def list_exports(self) -> ActionResult:
        """All exports."""
        exports = [
            {"ExportingStackId": stack.id, "Name": output.export, "Value": output.value}
            for stack, output in self.store.exports(self.region)
        ]
        return ActionResult({"Exports": exports})

    def list_imports(self) -> ActionResult:
        """The names of the stacks that use an export."""
        name = self._get_param("ExportName")
        return ActionResult(
            {"Imports": [stack.name for stack in self.store.importers(name, self.region)]}
        )

    def _stack(self) -> Stack:
        return self.store.get(self._get_param("StackName"), self.region)

    def _find_change_set(self) -> ChangeSet:
        name, stack = self._get_param("ChangeSetName"), self._get_param("StackName")
        if (found := self.store.change_set(name, stack, self.region)) is None:
            raise ChangeSetNotFoundError(f"ChangeSet [{name}] does not exist")
        return found

    def _template_body(self, stack: Stack | None) -> str:
        if str(self._get_param("UsePreviousTemplate", "")).lower() == "true":
            if stack is None or stack.target is None:
                raise TemplateError("There is no previous template to use")
            return stack.target.body
        url, body = self._get_param("TemplateURL"), self._get_param("TemplateBody")
        if not url and not body:
            raise TemplateError("Either Template URL or Template Body must be specified.")
        return str(self._get_stack_from_s3_url(url) if url else body)
