"""
Whether policies let a request pass, by the rules of one account.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from local.policies.conditions import holds
from local.policies.patterns import filled, matches, matches_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Document = dict[str, Any]

# In these services the resource's own policy has the last word: what it does not allow, or leave
# to the account's identity policies, is refused.
# https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html,
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_terms-and-concepts.html (trust policy)
_ASKED_FIRST: Final = ("kms:", "sts:AssumeRole")


@dataclass(frozen=True)
class Request:
    """One action on one resource, by a role or a user, as IAM sees it."""

    principal: str
    action: str
    resource: str
    context: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Condition keys in lower case."""


@dataclass(frozen=True)
class Policies:
    """Every policy that has a say."""

    identity: Sequence[Document]
    resource: Sequence[Document] = ()
    boundary: Sequence[Document] | None = None


@dataclass(frozen=True)
class Decision:
    """The answer, and why."""

    allowed: bool
    reason: str


def decide(request: Request, policies: Policies) -> Decision:
    """An explicit Deny wins; then something has to allow it; nothing allows it by silence."""
    everything = (*policies.identity, *policies.resource, *(policies.boundary or ()))
    if _says("Deny", request, everything):
        return Decision(allowed=False, reason="a statement denies it")
    granted = _says("Allow", request, policies.resource, naming=request.principal)
    delegated = granted or _says("Allow", request, policies.resource, naming=_root(request))
    identity = _says("Allow", request, policies.identity)
    owner = request.resource.split(":")[4:5]
    elsewhere = owner not in ([], [""], [request.principal.split(":")[4]])
    if (elsewhere or request.action.startswith(_ASKED_FIRST)) and not delegated:
        return Decision(allowed=False, reason="the resource's own policy does not allow it")
    if not identity and (elsewhere or not granted):
        return Decision(allowed=False, reason="no statement allows it")
    if policies.boundary is not None and not _says("Allow", request, policies.boundary):
        return Decision(allowed=False, reason="the permissions boundary does not allow it")
    return Decision(allowed=True, reason="allowed")


def statements(document: Document) -> Iterator[dict[str, Any]]:
    """The statements of a policy, of which one need not stand in a list."""
    found = document.get("Statement", ())
    yield from [found] if isinstance(found, dict) else found


def listed(value: Any) -> list[str]:
    """The texts of an element that may be one or many."""
    return [value] if isinstance(value, str) else list(value)


def applies(statement: Mapping[str, Any], request: Request) -> bool:
    """Whether a statement speaks of the request, whatever it says of it."""
    return (
        _names_action(statement, request.action)
        and _names_resource(statement, request)
        and holds(statement.get("Condition", {}), request.context)
    )


def _says(
    effect: str, request: Request, documents: Sequence[Document], naming: str | None = None
) -> bool:
    """`naming` asks for statements of a resource's policy that allow it to this principal."""
    return any(
        statement["Effect"] == effect
        and (naming is None or _names(statement, naming))
        and (effect == "Allow" or _names(statement, request.principal, _root(request)))
        and applies(statement, request)
        for document in documents
        for statement in statements(document)
    )


def _names(statement: Mapping[str, Any], *principals: str) -> bool:
    if "Principal" not in statement and "NotPrincipal" not in statement:
        return True  # an identity's policy
    if "NotPrincipal" in statement:
        return not _names({"Principal": statement["NotPrincipal"]}, *principals)
    principal = statement["Principal"]
    named = ["*"] if principal == "*" else listed(principal.get("AWS", ()))
    accounts = {p.split(":")[4] for p in principals if p.endswith(":root")}
    return any(each == "*" or each in principals or each in accounts for each in named)


def _names_action(statement: Mapping[str, Any], action: str) -> bool:
    if "NotAction" in statement:
        return not _names_action({"Action": statement["NotAction"]}, action)
    return any(matches(p, action, ignore_case=True) for p in listed(statement["Action"]))


def _names_resource(statement: Mapping[str, Any], request: Request) -> bool:
    if "NotResource" in statement:
        return not _names_resource({"Resource": statement["NotResource"]}, request)
    if "Resource" not in statement:
        return True  # a trust policy's is the role itself
    patterns = (filled(p, request.context) for p in listed(statement["Resource"]))
    return any(p is not None and matches_arn(p, request.resource) for p in patterns)


def _root(request: Request) -> str:
    partition, account = request.principal.split(":")[1], request.principal.split(":")[4]
    return f"arn:{partition}:iam::{account}:root"
