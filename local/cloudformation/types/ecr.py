"""AWS::ECR."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local.cloudformation.types.call import ResourceType, as_list

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_APART = ("LifecyclePolicy", "RepositoryPolicyText", "EmptyOnDelete", "Tags")


def _create(call: Call) -> None:
    properties = call.but(*_APART) | {"RepositoryName": call.name}
    tags = {"Tags": as_list(call.tags())} if call.tags() else {}
    made = call.api("ecr", "create_repository", **properties, **tags)["repository"]
    call.physical_id = call.name
    call.attributes = {"Arn": made["repositoryArn"], "RepositoryUri": made["repositoryUri"]}
    _set_policies(call)


def _update(call: Call) -> None:
    name = {"repositoryName": call.physical_id}
    if call.changed("ImageTagMutability"):
        value = call.properties.get("ImageTagMutability", "MUTABLE")
        call.api("ecr", "put_image_tag_mutability", **name, imageTagMutability=value)
    if call.changed("ImageScanningConfiguration"):
        value = call.properties.get("ImageScanningConfiguration", {"ScanOnPush": False})
        call.api(
            "ecr", "put_image_scanning_configuration", **name, imageScanningConfiguration=value
        )
    _set_policies(call)
    arn = call.attributes["Arn"]
    call.retag(
        lambda tags: call.api("ecr", "tag_resource", resourceArn=arn, tags=as_list(tags)),
        lambda keys: call.api("ecr", "untag_resource", resourceArn=arn, tagKeys=keys),
    )


def _set_policies(call: Call) -> None:
    name = {"repositoryName": call.physical_id}
    if call.changed("LifecyclePolicy"):
        text = call.properties.get("LifecyclePolicy", {}).get("LifecyclePolicyText")
        if text:
            call.api("ecr", "put_lifecycle_policy", **name, lifecyclePolicyText=text)
        else:
            call.api("ecr", "delete_lifecycle_policy", **name)
    if call.changed("RepositoryPolicyText"):
        if text := call.properties.get("RepositoryPolicyText"):
            call.api("ecr", "set_repository_policy", **name, policyText=text)
        else:
            call.api("ecr", "delete_repository_policy", **name)


def _delete(call: Call) -> None:
    force = call.properties.get("EmptyOnDelete", False)
    call.api("ecr", "delete_repository", repositoryName=call.physical_id, force=force)


TYPES = {
    "AWS::ECR::Repository": ResourceType(
        _create,
        _delete,
        _update,
        immutable=frozenset({"RepositoryName", "EncryptionConfiguration"}),
        name="RepositoryName",
        lower_case=True,
    )
}
