"""ARNs of everything of a type in this account, for scans of all there is of a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aws_cdk import Stack

    from wickie.config import Config

_OWN: Final = "{region}:{account}"
_FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    # https://docs.aws.amazon.com/service-authorization/latest/reference/, each service's page.
    "amplify:ListBranches": (f"amplify:{_OWN}:apps/*",),
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-control-access-using-iam-policies-to-create-and-manage-api.html
    # Keys, and what integrations sign in with, lie elsewhere below an API.
    "apigateway:GET": tuple(
        f"apigateway:{{region}}::/{name}"
        for name in ("restapis", "restapis/*/stages", "apis", "apis/*/stages")
    ),
    "cloudformation:GetTemplate": (f"cloudformation:{_OWN}:stack/*",),
    "codebuild:BatchGetProjects": (f"codebuild:{_OWN}:project/*",),
    "datapipeline:GetPipelineDefinition": (f"datapipeline:{_OWN}:pipeline/*",),
    "ec2:DescribeInstanceAttribute": (f"ec2:{_OWN}:instance/*",),
    "ecr:BatchGetImage": (f"ecr:{_OWN}:repository/*",),
    "ecr:DescribeImages": (f"ecr:{_OWN}:repository/*",),
    "ecr:DescribeRepositories": (f"ecr:{_OWN}:repository/*",),
    "ecr:GetDownloadUrlForLayer": (f"ecr:{_OWN}:repository/*",),
    "events:ListTargetsByRule": (f"events:{_OWN}:rule/*",),
    # https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
    "glue:GetConnections": (f"glue:{_OWN}:catalog", f"glue:{_OWN}:connection/*"),
    "lambda:GetFunction": (f"lambda:{_OWN}:function:*",),
    "lambda:GetLayerVersion": ("lambda:{region}:*:layer:*",),  # a function may use others' layers
    "logs:DescribeLogStreams": (f"logs:{_OWN}:log-group:*",),
    "logs:GetLogEvents": (f"logs:{_OWN}:log-group:*",),
    "sagemaker:DescribeModel": (f"sagemaker:{_OWN}:model/*",),
    "sagemaker:DescribeNotebookInstanceLifecycleConfig": (
        f"sagemaker:{_OWN}:notebook-instance-lifecycle-config/*",
    ),
    "secretsmanager:GetResourcePolicy": (f"secretsmanager:{_OWN}:secret:*",),
    "ssm:GetDocument": (f"ssm:{_OWN}:document/*", "ssm:{region}::document/*"),
    "ssm:GetParameters": (f"ssm:{_OWN}:parameter/*",),
    "ssm:ListDocumentVersions": (f"ssm:{_OWN}:document/*",),
    "states:DescribeExecution": (f"states:{_OWN}:execution:*", f"states:{_OWN}:express:*"),
    "states:DescribeStateMachine": (f"states:{_OWN}:stateMachine:*",),
    "states:ListExecutions": (f"states:{_OWN}:stateMachine:*",),
}


def everything(stack: Stack, config: Config, actions: Iterable[str]) -> dict[str, list[str]]:
    """For each action all that it could be asked for on, in the regions that are scanned."""
    region = stack.region if _here_only(config) else "*"
    return {a: _arns(a, stack.partition, region, stack.account) for a in actions}


def written(config: Config, actions: Iterable[str]) -> list[str]:
    """The same, as cdk-nag writes what CloudFormation fills in."""
    region = "<AWS::Region>" if _here_only(config) else "*"
    each = (_arns(action, "<AWS::Partition>", region, "<AWS::AccountId>") for action in actions)
    return [arn for arns in each for arn in arns]


def _arns(action: str, partition: str, region: str, account: str) -> list[str]:
    """`*` for an action that names no resource, or that is asked without one."""
    forms = (form.format(region=region, account=account) for form in _FORMS.get(action, ()))
    return [f"arn:{partition}:{form}" for form in forms] or ["*"]


def _here_only(config: Config) -> bool:
    return not config.scan.regions
