"""AWS::S3."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import ResourceError
from local.cloudformation.types.call import ResourceType, as_list
from local.world import REGION

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.cloudformation.types.call import Call


def _create_bucket(call: Call) -> None:
    where = {"LocationConstraint": call.region} if call.region != REGION else None
    locked = call.properties.get("ObjectLockEnabled")
    call.api(
        "s3",
        "create_bucket",
        Bucket=call.name,
        CreateBucketConfiguration=where,
        ObjectLockEnabledForBucket=locked,
    )
    call.physical_id = call.name
    call.attributes = {
        "Arn": f"arn:aws:s3:::{call.name}",
        "DomainName": f"{call.name}.s3.amazonaws.com",
        "RegionalDomainName": f"{call.name}.s3.{call.region}.amazonaws.com",
        "DualStackDomainName": f"{call.name}.s3.dualstack.{call.region}.amazonaws.com",
    }
    _configure(call)


def _configure(call: Call) -> None:
    for name in call.properties:
        if name not in _SETTLED and name not in _CONFIGURATIONS:
            raise ResourceError(f"{call.type}: property {name} is not emulated by the local AWS")
    for name, configure in _CONFIGURATIONS.items():
        if call.changed(name):
            configure(call, call.properties.get(name))


def _delete_bucket(call: Call) -> None:
    held = call.api("s3", "list_object_versions", Bucket=call.physical_id, MaxKeys=1)
    if held.get("Versions") or held.get("DeleteMarkers"):
        raise ResourceError(
            "The bucket you tried to delete is not empty. You must delete all versions in the "
            f"bucket. (BucketNotEmpty: {call.physical_id})"
        )
    call.api("s3", "delete_bucket", Bucket=call.physical_id)


def _put(operation: str, argument: str) -> Callable[[Call, Any], None]:
    """Put a configuration as the template has it, or delete it."""

    def configure(call: Call, value: Any) -> None:
        bucket = {"Bucket": call.physical_id}
        if value is None:
            call.api("s3", f"delete_{operation}", **bucket)
        else:
            call.api("s3", f"put_{operation}", **bucket, **{argument: value})

    return configure


def _encrypt(call: Call, value: Any) -> None:
    bucket = {"Bucket": call.physical_id}
    if value is None:
        call.api("s3", "delete_bucket_encryption", **bucket)
        return
    rules = [
        {_ENCRYPTION.get(key, key): item for key, item in rule.items()}
        for rule in value["ServerSideEncryptionConfiguration"]
    ]
    wanted = {"Rules": rules}
    call.api("s3", "put_bucket_encryption", **bucket, ServerSideEncryptionConfiguration=wanted)


_ENCRYPTION = {"ServerSideEncryptionByDefault": "ApplyServerSideEncryptionByDefault"}


def _version(call: Call, value: Any) -> None:
    wanted = value or {"Status": "Suspended"}
    call.api("s3", "put_bucket_versioning", Bucket=call.physical_id, VersioningConfiguration=wanted)


def _log(call: Call, value: Any) -> None:
    status: dict[str, Any] = {}
    if value:
        renamed = {_LOGGING[key]: item for key, item in value.items()}
        status = {
            "LoggingEnabled": {"TargetBucket": call.physical_id, "TargetPrefix": ""} | renamed
        }
    call.api("s3", "put_bucket_logging", Bucket=call.physical_id, BucketLoggingStatus=status)


_LOGGING = {
    "DestinationBucketName": "TargetBucket",
    "LogFilePrefix": "TargetPrefix",
    "TargetObjectKeyFormat": "TargetObjectKeyFormat",
}


def _age(call: Call, value: Any) -> None:
    bucket = {"Bucket": call.physical_id}
    if value is None:
        call.api("s3", "delete_bucket_lifecycle", **bucket)
        return
    wanted = {"Rules": [_lifecycle_rule(call, rule) for rule in value["Rules"]]}
    call.api("s3", "put_bucket_lifecycle_configuration", **bucket, LifecycleConfiguration=wanted)


def _lifecycle_rule(call: Call, rule: dict[str, Any]) -> dict[str, Any]:
    """CloudFormation has its own, flatter form of a rule."""
    made: dict[str, Any] = {"Filter": _lifecycle_filter(rule), "Expiration": {}}
    for key, value in rule.items():
        if key in _EXPIRATION:
            made["Expiration"][_EXPIRATION[key]] = value
        elif key == "NoncurrentVersionExpirationInDays":
            made["NoncurrentVersionExpiration"] = {"NoncurrentDays": value}
        elif key in {"Transitions", "NoncurrentVersionTransitions"}:
            made[key] = [{_TRANSITION.get(k, k): v for k, v in t.items()} for t in value]
        elif key in _SAME:
            made[_SAME[key]] = value
        elif key not in _FILTERS:
            raise ResourceError(f"{call.type}: lifecycle {key} is not emulated by the local AWS")
    if not made["Expiration"]:
        del made["Expiration"]
    return made


def _lifecycle_filter(rule: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {key: rule[key] for key in _SIZES if key in rule}
    if "Prefix" in rule or not (found or "TagFilters" in rule):
        found["Prefix"] = rule.get("Prefix", "")
    if tags := rule.get("TagFilters"):
        found["Tags"] = tags
    if len(found) == 1 and "Tags" not in found:
        return found
    return {"And": found}


_SIZES = ("ObjectSizeGreaterThan", "ObjectSizeLessThan")
_FILTERS = {"Prefix", "TagFilters", *_SIZES}
_EXPIRATION = {
    "ExpirationInDays": "Days",
    "ExpirationDate": "Date",
    "ExpiredObjectDeleteMarker": "ExpiredObjectDeleteMarker",
}
_TRANSITION = {"TransitionInDays": "Days", "TransitionDate": "Date"}
_SAME = {
    "Id": "ID",
    "Status": "Status",
    "AbortIncompleteMultipartUpload": "AbortIncompleteMultipartUpload",
    "NoncurrentVersionExpiration": "NoncurrentVersionExpiration",
}


def _tag(call: Call, value: Any) -> None:
    bucket = {"Bucket": call.physical_id}
    if value:
        call.api("s3", "put_bucket_tagging", **bucket, Tagging={"TagSet": as_list(call.tags())})
    else:
        call.api("s3", "delete_bucket_tagging", **bucket)


def _notify(call: Call, value: Any) -> None:
    """Only the switch to EventBridge; the other targets are custom resources in the CDK."""
    unknown = set(value or {}) - {"EventBridgeConfiguration"}
    if unknown:
        raise ResourceError(f"{call.type}: notification {', '.join(unknown)} is not emulated")
    wanted: dict[str, Any] = {"EventBridgeConfiguration": {}} if value else {}
    call.api(
        "s3",
        "put_bucket_notification_configuration",
        Bucket=call.physical_id,
        NotificationConfiguration=wanted,
    )


def _control(call: Call, value: Any) -> None:
    acl = re.sub(r"(?<!^)([A-Z])", r"-\1", value or "Private").lower()
    call.api("s3", "put_bucket_acl", Bucket=call.physical_id, ACL=acl)


_SETTLED = {"BucketName", "ObjectLockEnabled"}
# In this order: an access control list depends on the ownership, versioning comes first of all.
_CONFIGURATIONS: dict[str, Callable[[Call, Any], None]] = {
    "VersioningConfiguration": _version,
    "OwnershipControls": _put("bucket_ownership_controls", "OwnershipControls"),
    "PublicAccessBlockConfiguration": _put("public_access_block", "PublicAccessBlockConfiguration"),
    "AccessControl": _control,
    "BucketEncryption": _encrypt,
    "LifecycleConfiguration": _age,
    "LoggingConfiguration": _log,
    "NotificationConfiguration": _notify,
    "Tags": _tag,
}


def _put_policy(call: Call) -> None:
    call.physical_id = call.properties["Bucket"]
    policy = call.properties["PolicyDocument"]
    call.api("s3", "put_bucket_policy", Bucket=call.physical_id, Policy=policy)


TYPES = {
    "AWS::S3::Bucket": ResourceType(
        _create_bucket,
        _delete_bucket,
        _configure,
        immutable=frozenset({"BucketName", "ObjectLockEnabled"}),
        name="BucketName",
        name_length=63,
        lower_case=True,
    ),
    "AWS::S3::BucketPolicy": ResourceType(
        _put_policy,
        lambda call: call.api("s3", "delete_bucket_policy", Bucket=call.physical_id),
        _put_policy,
        immutable=frozenset({"Bucket"}),
        tags="",
    ),
}
