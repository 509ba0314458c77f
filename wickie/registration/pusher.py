"""
The first access key of the user by which Prefect Cloud starts tasks, and the end of all its keys.

Every later key is made by rotation. IAM tells a secret key once, so one that was made and not
stored is nobody's: as long as the secret is empty, whatever keys the user has are such.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from wickie.asking import asking
from wickie.credentials import AccessKey, Sensitive

if TYPE_CHECKING:
    from wickie.aws import Clients

PERMISSIONS: Final = (
    "iam:CreateAccessKey",
    "iam:DeleteAccessKey",
    "iam:ListAccessKeys",
    "secretsmanager:DescribeSecret",
    "secretsmanager:PutSecretValue",
)


def first_key(clients: Clients, user: str, secret: str) -> str:
    """Have `secret` hold a key of `user`, unless it holds one; say what was done."""
    manager = clients.secrets_manager
    with asking(f"secret {secret}"):
        stages = manager.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
    if any("AWSCURRENT" in labels for labels in stages.values()):
        return "it holds a key already"
    end_keys(clients, user)
    with asking(f"user {user}"):
        made = clients.iam.create_access_key(UserName=user)["AccessKey"]
    key = AccessKey(made["AccessKeyId"], Sensitive(made["SecretAccessKey"]))
    with asking(f"secret {secret}"):
        manager.put_secret_value(SecretId=secret, SecretString=key.to_secret_string())
    return f"key {key.key_id} is stored"


def end_keys(clients: Clients, user: str) -> str:
    """Delete every key of `user`: IAM deletes no user that has one."""
    with asking(f"user {user}"):
        keys = clients.iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        for key in keys:
            clients.iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    return json.dumps([key["AccessKeyId"] for key in keys])
