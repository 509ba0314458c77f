"""The policies that stand in an account, read by its own API."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.policies.decision import Decision, Document, Policies, Request, decide
from local.policies.usage import Grant, grants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from local.recording import Call

UNREAD = Decision(allowed=False, reason="this request could not be read")


class Account:
    """One account: what its roles and users may do."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        """`client` makes a boto3 client of a service, with the rights to read policies."""
        self._client = client
        self._iam = client("iam")
        self._identity = cache(self._read_identity)
        self._of_resource = cache(self._read_resource)

    def decide(self, call: Call) -> Decision:
        """Whether the policies that stand now would have let the call pass."""
        if not call.action:
            return UNREAD
        request = Request(call.principal, call.action, call.resource, dict(call.context))
        identity, boundary = self._identity(call.principal)
        policies = Policies(identity, self._of_resource(call.action, call.resource), boundary)
        return decide(request, policies)

    def unused(self, calls: Iterable[Call], principals: Iterable[str]) -> list[Grant]:
        """What the policies of `principals` grant and no call has used."""
        made = list(calls)
        return [
            grant
            for principal in principals
            for grant in grants(principal, self._identity(principal)[0])
            if not any(grant.covers(call) for call in made)
        ]

    def roles(self) -> list[str]:
        """The ARN of each role."""
        pages = self._iam.get_paginator("list_roles").paginate()
        return sorted(role["Arn"] for page in pages for role in page["Roles"])

    def _read_identity(self, principal: str) -> tuple[list[Document], list[Document] | None]:
        kind, _, name = principal.rpartition(":")[2].partition("/")
        name = name.rpartition("/")[2]
        named = {f"{kind.capitalize()}Name": name}
        try:
            described = getattr(self._iam, f"get_{kind}")(**named)[kind.capitalize()]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchEntity":
                raise
            return [], None  # it is gone, and so are its policies
        boundary = described.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        documents = [*self._inline(kind, named), *self._attached(kind, named)]
        return documents, [self._managed(boundary)] if boundary else None

    def _inline(self, kind: str, named: dict[str, str]) -> Iterator[Document]:
        names = getattr(self._iam, f"list_{kind}_policies")(**named)["PolicyNames"]
        read = getattr(self._iam, f"get_{kind}_policy")
        for name in names:
            yield read(**named, PolicyName=name)["PolicyDocument"]

    def _attached(self, kind: str, named: dict[str, str]) -> Iterator[Document]:
        listed = getattr(self._iam, f"list_attached_{kind}_policies")(**named)
        for policy in listed["AttachedPolicies"]:
            yield self._managed(policy["PolicyArn"])

    def _managed(self, arn: str) -> Document:
        version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        answer = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)
        document: Document = answer["PolicyVersion"]["Document"]
        return document

    def _read_resource(self, action: str, arn: str) -> list[Document]:
        """The resource's own policy, where the service has such and this one has got one."""
        service = arn.split(":")[2] if arn.startswith("arn:") else ""
        try:
            text = self._resource_policy(service, action, arn)
        except ClientError:
            return []  # none, or no such resource: then nothing allows it but the identity
        return [json.loads(text) if isinstance(text, str) else text] if text else []

    def _resource_policy(self, service: str, action: str, arn: str) -> Any:
        client = self._client
        if service == "kms":
            return client("kms").get_key_policy(KeyId=arn, PolicyName="default")["Policy"]
        if service == "s3":
            bucket = arn.rpartition(":")[2].partition("/")[0]
            return client("s3").get_bucket_policy(Bucket=bucket)["Policy"]
        if service == "secretsmanager" and arn.endswith("*") is False:
            answer = client("secretsmanager").get_resource_policy(SecretId=arn)
            return answer.get("ResourcePolicy")
        if action == "sts:AssumeRole":
            role = self._iam.get_role(RoleName=arn.rpartition("/")[2])["Role"]
            return role["AssumeRolePolicyDocument"]
        return None
