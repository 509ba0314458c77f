"""
Which IAM actions an API operation takes.

Most are called alike; the tables hold the others. Each service's page of the Service
Authorization Reference is the reference, for S3 beside it
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html and for
Lambda https://docs.aws.amazon.com/lambda/latest/dg/permissions-user-function.html.
"""

from __future__ import annotations

from typing import Any, Final

_FREE: Final = {("sts", "GetCallerIdentity"), ("sts", "GetSessionToken")}
"""No policy is asked: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""

_PREFIXES: Final = {"monitoring": "cloudwatch", "email": "ses", "tagging": "tag"}
"""Services that sign their requests by another name than IAM knows them by."""

_OTHERWISE: Final = {
    "lambda:Invoke": "lambda:InvokeFunction",
    "lambda:InvokeAsync": "lambda:InvokeFunction",
    "lambda:InvokeWithResponseStream": "lambda:InvokeFunction",
    "s3:CopyObject": "s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:DeleteObjects": "s3:DeleteObject",
    "s3:GetBucketEncryption": "s3:GetEncryptionConfiguration",
    "s3:GetBucketLifecycleConfiguration": "s3:GetLifecycleConfiguration",
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListBuckets": "s3:ListAllMyBuckets",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListObjects": "s3:ListBucket",
    "s3:ListObjectsV2": "s3:ListBucket",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:UploadPart": "s3:PutObject",
}

_OF_A_VERSION: Final = {
    "s3:DeleteObject": "s3:DeleteObjectVersion",
    "s3:GetObject": "s3:GetObjectVersion",
    "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
}

_IN_TRANSACTIONS: Final = {
    "Put": "dynamodb:PutItem",
    "Update": "dynamodb:UpdateItem",
    "Delete": "dynamodb:DeleteItem",
    "ConditionCheck": "dynamodb:ConditionCheckItem",
    "Get": "dynamodb:GetItem",
}

_HANDED_ON: Final = {
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/security-iam-roles.html
    ("ecs", "RegisterTaskDefinition"): ("ecs-tasks", ("taskRoleArn", "executionRoleArn")),
    ("ecs", "RunTask"): ("ecs-tasks", ("taskRoleArn", "executionRoleArn")),
    ("lambda", "CreateFunction"): ("lambda", ("Role",)),
}
"""By these a role is handed to a service, which takes iam:PassRole."""

Need = tuple[str, dict[str, Any]]
"""An action, and the parameters that say on what."""


def needs(service: str, operation: str, parameters: dict[str, Any]) -> list[Need]:
    """The actions that the operation takes with these parameters; none if nothing is asked."""
    if (service, operation) in _FREE:
        return []
    if operation in ("TransactWriteItems", "TransactGetItems"):
        return [
            (_IN_TRANSACTIONS[kind], item)
            for each in parameters["TransactItems"]
            for kind, item in each.items()
        ]
    if operation == "PutEvents":
        own = ({"EventBusName": "default", **entry} for entry in parameters["Entries"])
        return [("events:PutEvents", entry) for entry in own]
    if service == "apigateway":
        return [(f"apigateway:{_method(operation)}", parameters)]
    action = f"{_PREFIXES.get(service, service)}:{operation}"
    action = _OTHERWISE.get(action, action)
    if parameters.get("VersionId"):
        action = _OF_A_VERSION.get(action, action)
    return [(action, parameters), *_more(service, operation, parameters)]


def _more(service: str, operation: str, parameters: dict[str, Any]) -> list[Need]:
    """What it takes besides the action it is called by."""
    if (service, operation) == ("secretsmanager", "BatchGetSecretValue"):
        named = {"SecretId": parameters.get("SecretIdList") or ["*"]}
        return [("secretsmanager:GetSecretValue", named)]
    if (service, operation) == ("s3", "CopyObject"):
        bucket, _, key = str(parameters["CopySource"]).lstrip("/").partition("/")
        return [("s3:GetObject", {"Bucket": bucket, "Key": key})]
    to, names = _HANDED_ON.get((service, operation), ("", ()))
    given = parameters | parameters.get("overrides", {})
    return [
        ("iam:PassRole", {"RoleArn": given[name], "PassedToService": f"{to}.amazonaws.com"})
        for name in names
        if given.get(name)
    ]


def _method(operation: str) -> str:
    verbs = {"Create": "POST", "Update": "PATCH", "Delete": "DELETE", "Put": "PUT"}
    return next((verb for name, verb in verbs.items() if operation.startswith(name)), "GET")
