"""AWS::SecretsManager."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local import rds
from local.cloudformation.errors import ResourceError
from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_SERVICE = "secretsmanager"
_VALUES = ("GenerateSecretString", "SecretString")


def _create_secret(call: Call) -> None:
    properties = call.but("Tags", "GenerateSecretString", "ReplicaRegions")
    properties |= {"Name": call.name} | _value(call)
    if "ReplicaRegions" in call.properties:
        properties["AddReplicaRegions"] = call.properties["ReplicaRegions"]
    if call.tags():
        properties["Tags"] = as_list(call.tags())
    made = call.api(_SERVICE, "create_secret", **properties)
    call.physical_id = made["ARN"]
    call.attributes = {"Id": made["ARN"]}


def _update_secret(call: Call) -> None:
    if call.changed("ReplicaRegions"):
        raise ResourceError("A change of ReplicaRegions is not emulated by the local AWS")
    secret = {"SecretId": call.physical_id}
    change = {n: call.properties.get(n, "") for n in ("Description", "KmsKeyId") if call.changed(n)}
    if call.changed(*_VALUES):
        change |= _value(call)
    if change:
        call.api(_SERVICE, "update_secret", **secret, **change)
    call.retag(
        lambda tags: call.api(_SERVICE, "tag_resource", **secret, Tags=as_list(tags)),
        lambda keys: call.api(_SERVICE, "untag_resource", **secret, TagKeys=keys),
    )


def _value(call: Call) -> dict[str, Any]:
    if "GenerateSecretString" not in call.properties:
        return {n: call.properties[n] for n in ("SecretString",) if n in call.properties}
    wanted = dict(call.properties["GenerateSecretString"])
    template, key = wanted.pop("SecretStringTemplate", None), wanted.pop("GenerateStringKey", None)
    generated = call.api(_SERVICE, "get_random_password", **wanted)["RandomPassword"]
    if template is None:
        return {"SecretString": generated}
    return {"SecretString": json.dumps(json.loads(template) | {key: generated})}


def _delete_secret(call: Call) -> None:
    secret = call.physical_id
    call.api(_SERVICE, "delete_secret", SecretId=secret, ForceDeleteWithoutRecovery=True)


def _schedule(call: Call) -> None:
    properties = call.but("RotateImmediatelyOnUpdate")
    if "HostedRotationLambda" in properties:
        raise ResourceError("HostedRotationLambda: bring your own function, the local AWS has none")
    properties["RotateImmediately"] = call.properties.get("RotateImmediatelyOnUpdate", True)
    call.api(_SERVICE, "rotate_secret", **properties)
    call.physical_id = _arn(call)


def _arn(call: Call) -> str:
    secret = call.properties["SecretId"]
    return str(call.api(_SERVICE, "describe_secret", SecretId=secret)["ARN"])


def _cancel(call: Call) -> None:
    call.api(_SERVICE, "cancel_rotate_secret", SecretId=call.physical_id)


def _put_policy(call: Call) -> None:
    call.api(_SERVICE, "put_resource_policy", **call.properties)
    call.physical_id = _arn(call)


def _attach(call: Call) -> None:
    """Write beside the password where its database is, and, as AWS does not, by which CA."""
    if (kind := call.properties["TargetType"]) != "AWS::RDS::DBInstance":
        raise ResourceError(f"TargetType {kind} is not emulated by the local AWS")
    target = call.properties["TargetId"]
    instances = call.api("rds", "describe_db_instances", DBInstanceIdentifier=target)
    instance = instances["DBInstances"][0]
    place = {
        "engine": instance["Engine"],
        "host": instance["Endpoint"]["Address"],
        "port": instance["Endpoint"]["Port"],
        "dbInstanceIdentifier": target,
        **rds.trust(target),
    }
    secret = {"SecretId": call.properties["SecretId"]}
    known = json.loads(call.api(_SERVICE, "get_secret_value", **secret)["SecretString"])
    call.api(_SERVICE, "put_secret_value", **secret, SecretString=json.dumps(known | place))
    call.physical_id = _arn(call)


def _detach(call: Call) -> None:
    secret = {"SecretId": call.properties["SecretId"]}
    known = json.loads(call.api(_SERVICE, "get_secret_value", **secret)["SecretString"])
    left = {key: value for key, value in known.items() if key not in _PLACE}
    call.api(_SERVICE, "put_secret_value", **secret, SecretString=json.dumps(left))


_PLACE = ("engine", "host", "port", "dbInstanceIdentifier", "sslrootcert", "ssl")

TYPES = {
    "AWS::SecretsManager::Secret": ResourceType(
        _create_secret,
        _delete_secret,
        _update_secret,
        immutable=frozenset({"Name"}),
        name="Name",
    ),
    "AWS::SecretsManager::RotationSchedule": ResourceType(
        _schedule, _cancel, _schedule, immutable=frozenset({"SecretId"}), tags=""
    ),
    "AWS::SecretsManager::SecretTargetAttachment": ResourceType(
        _attach, _detach, _attach, immutable=frozenset({"SecretId"}), tags=""
    ),
    "AWS::SecretsManager::ResourcePolicy": ResourceType(
        _put_policy,
        lambda call: call.api(_SERVICE, "delete_resource_policy", SecretId=call.physical_id),
        _put_policy,
        immutable=frozenset({"SecretId"}),
        tags="",
    ),
}
