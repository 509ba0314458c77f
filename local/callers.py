"""Reads a request as IAM would: who makes it, which actions it takes, on what."""

from __future__ import annotations

import io
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import get_service_router
from moto.iam.models import get_account_id_from, iam_backends
from moto.kms.models import kms_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

from local.policies.operations import needs
from local.policies.resources import Place, arns
from local.recording import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_CREDENTIAL: Final = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/aws4_request")
_MODELS: Final = {
    "elasticloadbalancing": "elbv2",
    "email": "ses",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
"""Services whose model in botocore is not called as they sign."""
_LARGEST: Final = 1 << 20
"""A longer body is an object or a package, in which no parameter stands."""

_KEYS: Final = {
    # A condition key ← the parameter it is taken from.
    "events:source": "Source",
    "iam:PassedToService": "PassedToService",
    "kms:MacAlgorithm": "MacAlgorithm",
    "s3:prefix": "Prefix",
    "secretsmanager:VersionId": "VersionId",
    "secretsmanager:VersionStage": "VersionStage",
    "sts:ExternalId": "ExternalId",
    "sts:RoleSessionName": "RoleSessionName",
}

_PARAMETERS: Final = ("Name", "Names", "Path")
"""By these the Systems Manager's parameters are named."""


@dataclass(frozen=True)
class Caller:
    """Whose credentials a request is signed with."""

    account: str
    principal: str
    session: str = ""


def read(environ: dict[str, Any]) -> list[Call]:
    """
    What the request of a WSGI server takes; nothing for the account's root and for strangers.

    The body is put back for whoever reads it next.
    """
    signed = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    caller = signed and _caller(signed[1], signed[2])
    if not signed or not caller:
        return []
    body = _body(environ)
    read_once = {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
    request = Request({**environ, **read_once})
    operation, at = get_service_router(_MODELS.get(signed[3], signed[3])).match(request)
    protocol = determine_request_protocol(operation.service_model, request.content_type)
    parameters = PROTOCOL_PARSERS[protocol](operation).parse(
        {
            "method": request.method,
            "values": request.values,
            "headers": request.headers,
            "body": request.data,
            "url_path": request.path,
            "url_params": at,
        }
    )
    return list(_calls(caller, signed[3], operation.name, parameters, signed[2]))


def of_role(role: str, session: str, operation: str, region: str, **parameters: Any) -> list[Call]:
    """What a service itself takes of a role that it was given, as Lambda does to write a log."""
    caller = Caller(role.split(":")[4], role, session)
    service, _, name = operation.partition(":")
    return list(_calls(caller, service, name, parameters, region))


def _calls(
    caller: Caller, service: str, operation: str, parameters: dict[str, Any], region: str
) -> Iterator[Call]:
    place = Place(
        get_partition(region),
        region,
        caller.account,
        lambda name, value: _full(name, value, caller.account, region),
    )
    for action, named in needs(service, operation, parameters):
        context = _context(caller, region, named)
        for arn in arns(action, named, place):
            owner = arn.split(":")[4:5]
            context["aws:resourceaccount"] = (("".join(owner) or caller.account),)
            keys = tuple(sorted(context.items()))
            operated = f"{service}:{operation}"
            yield Call(caller.principal, caller.session, operated, action, arn, keys)


def _context(caller: Caller, region: str, parameters: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html."""
    context = {
        "aws:PrincipalAccount": (caller.account,),
        "aws:PrincipalArn": (caller.principal,),
        "aws:RequestedRegion": (region,),
        "aws:SecureTransport": ("true",),  # as in AWS, where no client of ours speaks plain HTTP
        **{key: (str(parameters[name]),) for key, name in _KEYS.items() if parameters.get(name)},
    }
    given = parameters.get("Tags") or parameters.get("tags") or []
    tags = given.items() if isinstance(given, dict) else map(_tag, given)
    for key, value in tags:
        context[f"aws:RequestTag/{key}"] = (str(value),)
        context["aws:TagKeys"] = (*context.get("aws:TagKeys", ()), key)
    if cluster := parameters.get("cluster"):
        where = f"arn:{get_partition(region)}:ecs:{region}:{caller.account}:cluster/"
        context["ecs:cluster"] = (where + str(cluster).rpartition("/")[2],)
    return {key.lower(): values for key, values in context.items()}


def _tag(tag: dict[str, str]) -> tuple[str, str]:
    named = {name.lower(): value for name, value in tag.items()}
    return named["key"], named.get("value", "")


def _caller(access_key: str, region: str) -> Caller | None:
    account, partition = get_account_id_from(access_key), get_partition(region)
    key: Any = iam_backends[account][partition].access_keys.get(access_key)
    if key is None:
        return None
    if not key.role_arn:
        return Caller(account, iam_backends[account][partition].get_user(key.user_name).arn)
    assumed: Any = sts_backends[account][partition].get_assumed_role_from_access_key(access_key)
    return Caller(account, key.role_arn, assumed.session_name)


def _body(environ: dict[str, Any]) -> bytes:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if length > _LARGEST:
        return b""
    body: bytes = environ["wsgi.input"].read(length)
    environ["wsgi.input"] = io.BytesIO(body)
    return body


def _full(name: str, value: str, account: str, region: str) -> str:
    """The ARN of what a request may name in short, or the value if nothing is called so."""
    with suppress(Exception):  # moto's errors for what does not exist have no common root
        value = _looked_up(name, value, account, region)
    if name == "FunctionName" and value.startswith("arn:"):
        return ":".join(value.split(":")[:7])  # a version or alias is not part of it
    if name in _PARAMETERS and value.startswith("/"):
        return value[1:]  # its ARN has one slash, whether or not the name begins with one
    return value


def _looked_up(name: str, value: str, account: str, region: str) -> str:
    partition = get_partition(region)
    iam, keys = iam_backends[account][partition], kms_backends[account][region]
    found: dict[str, Callable[[], Any]] = {
        "SecretId": lambda: secretsmanager_backends[account][region].secrets[value].arn,
        "KeyId": lambda: keys.describe_key(keys.any_id_to_key_id(value)).arn,
        "UserName": lambda: iam.get_user(value).arn,
        "RoleName": lambda: iam.get_role(value).arn,
        "QueueName": lambda: f"arn:{partition}:sqs:{region}:{account}:{value}",
        "QueueUrl": lambda: f"arn:{partition}:sqs:{region}:{account}:{value.rpartition('/')[2]}",
    }
    return str(found[name]()) if name in found else value
