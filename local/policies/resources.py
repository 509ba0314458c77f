"""On which resources an action is asked for: their ARNs, read off an operation's parameters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Final

from local.policies.catalogue import resource_types

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_SERVICE: Final = {"sts": "iam"}
"""Where a service's resources are another's."""

_FORMS: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    # What stands after the account; {name} is the operation's parameter. A parameter that holds
    # an ARN is taken as it is, and the first form whose parameters are all there is the one. A
    # `*` stands for all of them where an operation that lists need not name one.
    ("cloudformation", "stack"): ("stack/{StackName}/*",),
    ("dynamodb", "index"): ("table/{TableName}/index/{IndexName}",),
    ("dynamodb", "table"): ("table/{TableName}",),
    ("ecr", "repository"): (
        "repository/{repositoryName}",
        "repository/{repositoryNames}",
        "repository/*",
    ),
    ("ecs", "cluster"): ("cluster/{cluster}", "cluster/{clusters}"),
    ("ecs", "service"): (
        "service/{cluster}/{service}",
        "service/{cluster}/{services}",
        "{resourceArn}",
    ),
    ("ecs", "task"): ("task/{cluster}/{task}", "task/{cluster}/{tasks}"),
    ("ecs", "task-definition"): ("task-definition/{taskDefinition}", "task-definition/{family}:*"),
    ("elasticache", "user"): ("user:{UserId}", "user:*"),
    ("events", "event-bus"): ("event-bus/{EventBusName}",),
    ("iam", "role"): ("role/{RoleArn}", "role/{RoleName}"),
    ("iam", "user"): ("user/{UserName}",),
    ("kms", "key"): ("key/{KeyId}",),
    ("lambda", "function"): ("function:{FunctionName}",),
    ("lambda", "layer"): ("layer:{LayerName}",),
    ("lambda", "layerversion"): ("layer:{LayerName}:{VersionNumber}",),
    ("logs", "log-group"): ("log-group:{logGroupName}:log-stream:",),
    ("logs", "log-stream"): (
        "log-group:{logGroupName}:log-stream:{logStreamName}",
        "log-group:{logGroupName}:log-stream:",
    ),
    ("memorydb", "user"): ("user/{UserName}", "user/*"),
    ("rds", "cluster"): ("cluster:{DBClusterIdentifier}", "cluster:*"),
    ("rds", "db"): ("db:{DBInstanceIdentifier}", "db:*"),
    ("rds", "proxy"): ("db-proxy:*",),  # its ARN has an id that no request says
    ("rds", "target-group"): ("target-group:*",),
    ("s3", "bucket"): ("{Bucket}",),
    ("s3", "object"): ("{Bucket}/{Key}",),
    ("secretsmanager", "secret"): ("secret:{SecretId}",),
    ("sns", "topic"): ("{TopicArn}",),
    ("sqs", "queue"): ("{QueueUrl}", "{QueueName}"),
    ("ssm", "document"): ("document/{DocumentName}", "document/{Name}"),
    ("ssm", "instance"): ("instance/{InstanceIds}",),
    ("ssm", "parameter"): ("parameter/{Name}", "parameter/{Names}", "parameter/{Path}"),
    ("states", "statemachine"): ("{stateMachineArn}",),
    ("sts", "role"): ("role/{RoleArn}",),
}
_ELSEWHERE: Final = {
    # What stands before the form, where it is not the service, region and account of the call.
    "s3": "s3:::",
    "iam": "iam::{account}:",
    "sts": "iam::{account}:",
    ("ssm", "instance"): "ec2:{region}:{account}:",
}
_PARAMETER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Place:
    """Where a call was made; `full` completes what names a resource in short."""

    partition: str
    region: str
    account: str
    full: Callable[[str, str], str] = lambda _, value: value
    """A parameter's name and value → the value as it stands in the resource's ARN, or its ARN."""


def arns(action: str, parameters: Mapping[str, Any], place: Place) -> tuple[str, ...]:
    """
    What `action` is asked for on.

    `*` where IAM knows no resource of it, and where the call names none: only a grant on `*`
    covers that.
    """
    service = action.partition(":")[0]
    found = (
        arn
        for resource_type in resource_types(action)
        for arn in _arns(service, resource_type, parameters, place)
    )
    return tuple(dict.fromkeys(found)) or ("*",)


def _arns(
    service: str, resource_type: str, parameters: Mapping[str, Any], place: Place
) -> Iterator[str]:
    forms = _FORMS.get((service, resource_type), ())
    names = [_PARAMETER.findall(form) for form in forms]
    usable = (i for i, each in enumerate(names) if all(parameters.get(name) for name in each))
    chosen = next(usable, None)
    if chosen is None:
        return
    own = _ELSEWHERE.get((service, resource_type), _ELSEWHERE.get(service))
    start = own or f"{_SERVICE.get(service, service)}:{{region}}:{{account}}:"
    start = start.format(region=place.region, account=place.account)
    values = [[place.full(n, v) for v in _each(parameters[n])] for n in names[chosen]]
    for combination in product(*values):
        if combination and combination[-1].startswith("arn:"):
            yield combination[-1]
            continue
        texts = dict(zip(names[chosen], (_short(v) for v in combination), strict=True))
        yield f"arn:{place.partition}:{start}{forms[chosen].format(**texts)}"


def _each(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else [str(value)]


def _short(value: str) -> str:
    """A name in place of an ARN that only leads to the resource, as a service's cluster does."""
    return value.rpartition("/")[2] if value.startswith("arn:") else value
