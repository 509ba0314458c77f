"""Bring a stack to a target, back to where it was, or to its end."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from local.cloudformation.changes import outputs, plan
from local.cloudformation.errors import ResourceError, TemplateError
from local.cloudformation.registry import resource_type
from local.cloudformation.resources import Resources, must_replace, wanted
from local.cloudformation.scope import Scope
from local.cloudformation.template import ordered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from local.cloudformation.stack import Output, Resource, Stack, Target
    from local.cloudformation.store import Store


@dataclass
class Operation:
    """One creation, update or deletion of one stack."""

    store: Store
    stack: Stack
    keep_on_failure: bool = False
    """Leave everything as it is when something fails (`--no-rollback`)."""
    _retired: list[Resource] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._resources = Resources(self.store, self.stack)
        self._before = dict(self.stack.resources)
        self._touched: list[str] = []

    def deploy(self, target: Target) -> None:
        """Create or update, with clean-up or rollback."""
        verb = "UPDATE" if self.stack.target else "CREATE"
        self.stack.enter(f"{verb}_IN_PROGRESS", "User Initiated")
        try:
            scope = Scope(self.store, self.stack, target, self.stack.resources)
            order = self._apply_all(scope)
            results = outputs(scope)
            self._check_exports(results)
        except (ResourceError, TemplateError) as error:
            self._fail(verb, str(error), target)
            return
        gone = [old for name, old in self._before.items() if name not in order]
        if gone or self._retired:
            self.stack.enter("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self._clean_up(gone)
        self.stack.outputs, self.stack.imports = results, frozenset(scope.imports)
        self.stack.target = target
        self.stack.enter(f"{verb}_COMPLETE")

    def delete(self, retain: Iterable[str] = ()) -> None:
        """Delete the stack and what it holds, dependents first."""
        self.stack.enter("DELETE_IN_PROGRESS", "User Initiated")
        for logical_id in retain:
            self.stack.resources.pop(logical_id, None)
        failed = self._delete_all(self.stack.resources, on_create=False)
        if failed:
            names = ", ".join(failed)
            self.stack.enter(
                "DELETE_FAILED", f"The following resource(s) failed to delete: [{names}]. "
            )
            return
        self.stack.outputs, self.stack.imports = (), frozenset()
        self.stack.enter("DELETE_COMPLETE")

    def _apply_all(self, scope: Scope) -> tuple[str, ...]:
        todo = plan(scope)
        for logical_id in todo.order:
            new = wanted(scope, logical_id, self.store)
            new = replace(new, needs=todo.needs[logical_id])
            try:
                self.stack.resources[logical_id] = self._apply(new)
            except ResourceError as error:
                raise ResourceError(f"{logical_id}: {error}") from error
        return todo.order

    def _apply(self, new: Resource) -> Resource:
        old = self._before.get(new.logical_id)
        if old is None:
            self._touched.append(new.logical_id)
            return self._resources.create(new)
        if old.properties == new.properties and old.type == new.type:
            return replace(
                old,
                needs=new.needs,
                deletion_policy=new.deletion_policy,
                replace_policy=new.replace_policy,
            )
        self._touched.append(new.logical_id)
        if must_replace(old, new, resource_type(new.type, self.store)):
            made = self._resources.replace(old, new)
        else:
            made = self._resources.update(old, new)
        if made.physical_id != old.physical_id or made.type != old.type:
            self._retired.append(old)
        return made

    def _check_exports(self, results: tuple[Output, ...]) -> None:
        region, new = self.stack.region, {o.export: o.value for o in results if o.export}
        for owner, output in self.store.exports(region):
            if owner is not self.stack and output.export in new:
                raise TemplateError(
                    f"Export with name {output.export} is already exported by stack {owner.name}."
                )
        for output in self.stack.outputs:
            if not output.export or new.get(output.export) == output.value:
                continue
            verb = "updated" if output.export in new else "deleted"
            for user in self.store.importers(output.export, region):
                raise TemplateError(
                    f"Export {output.export} cannot be {verb} as it is in use by {user.name}"
                )

    def _clean_up(self, gone: list[Resource]) -> None:
        """Delete what the update has left behind; a failure here no longer fails the update."""
        leftovers = [(old, old.replace_policy) for old in self._retired]
        leftovers += [(old, old.deletion_policy) for old in gone]
        position = {name: i for i, name in enumerate(self._order(self._before))}
        leftovers.sort(key=lambda pair: -position[pair[0].logical_id])
        for old, policy in leftovers:
            try:
                self._resources.delete(old, "Delete" if policy == _FRAGILE else policy)
            except ResourceError:
                continue
        for old in gone:
            self.stack.resources.pop(old.logical_id, None)

    def _fail(self, verb: str, reason: str, target: Target) -> None:
        if self.keep_on_failure:
            self.stack.target = self.stack.target or target
            self.stack.enter(f"{verb}_FAILED", reason)
        elif verb == "CREATE":
            self.stack.enter("ROLLBACK_IN_PROGRESS", reason)
            self.stack.target = target
            failed = self._delete_all(self.stack.resources, on_create=True)
            self.stack.enter("ROLLBACK_FAILED" if failed else "ROLLBACK_COMPLETE", reason)
        else:
            self.stack.enter("UPDATE_ROLLBACK_IN_PROGRESS", reason)
            done = self._roll_back()
            self.stack.enter(
                "UPDATE_ROLLBACK_COMPLETE" if done else "UPDATE_ROLLBACK_FAILED", reason
            )

    def _roll_back(self) -> bool:
        unwanted = {}
        complete = True
        for logical_id in reversed(self._touched):
            old, now = self._before.get(logical_id), self.stack.resources.get(logical_id)
            if now is old:
                continue
            try:
                if now and (old is None or old.physical_id != now.physical_id):
                    unwanted[logical_id] = now
                elif old and now:
                    self._resources.update(replace(now, physical_id=old.physical_id), old)
            except ResourceError:
                complete = False
        failed = self._delete_all(unwanted, on_create=True)
        self.stack.resources.clear()
        self.stack.resources.update(self._before)
        return complete and not failed

    def _delete_all(self, resources: dict[str, Resource], *, on_create: bool) -> list[str]:
        """Delete dependents first, leaving what a survivor needs; the names of the survivors."""
        failed: list[str] = []
        blocked: set[str] = set()
        for logical_id in reversed(self._order(resources)):
            old = resources[logical_id]
            policy = old.deletion_policy
            if policy == _FRAGILE:
                policy = "Delete" if on_create else "Retain"
            if logical_id not in blocked:
                try:
                    self._resources.delete(old, policy)
                except ResourceError:
                    failed.append(logical_id)
                else:
                    del resources[logical_id]
                    continue
            blocked |= old.needs
        return failed

    @staticmethod
    def _order(resources: Mapping[str, Resource]) -> list[str]:
        return ordered({name: r.needs & resources.keys() for name, r in resources.items()})


_FRAGILE = "RetainExceptOnCreate"
