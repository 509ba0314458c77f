"""AWS::Lambda."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

from local.cloudformation.types.call import ResourceType

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call

_CODE = ("Architectures", "Code")
_APART = (*_CODE, "FunctionName", "PackageType", "ReservedConcurrentExecutions", "Tags")
_DEFAULTS: dict[str, Any] = {
    "DeadLetterConfig": {},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "FileSystemConfigs": [],
    "KmsKeyArn": "",
    "Layers": [],
    "LoggingConfig": {},
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
_INLINE = {"python": "index.py", "nodejs": "index.js"}


def _create_function(call: Call) -> None:
    properties = call.but("Code", "ReservedConcurrentExecutions", "Tags")
    tags = {"Tags": call.tags()} if call.tags() else {}
    properties |= {"FunctionName": call.name, "Code": _code(call)} | tags
    made = call.api("lambda", "create_function", **properties)
    call.physical_id = call.name
    call.attributes = {"Arn": made["FunctionArn"]}
    _reserve(call)


def _update_function(call: Call) -> None:
    function = {"FunctionName": call.physical_id}
    if call.changed(*_CODE):
        architectures = call.properties.get("Architectures", ["x86_64"])
        call.api(
            "lambda", "update_function_code", **function, **_code(call), Architectures=architectures
        )
    names = {*call.properties, *call.previous} - set(_APART)
    changed = [name for name in sorted(names) if call.changed(name)]
    if changed:
        change = {name: call.properties.get(name, _DEFAULTS.get(name)) for name in changed}
        call.api("lambda", "update_function_configuration", **function, **change)
    _reserve(call)
    arn = call.attributes["Arn"]
    call.retag(
        lambda tags: call.api("lambda", "tag_resource", Resource=arn, Tags=tags),
        lambda keys: call.api("lambda", "untag_resource", Resource=arn, TagKeys=keys),
    )


def _reserve(call: Call) -> None:
    if not call.changed("ReservedConcurrentExecutions"):
        return
    function = {"FunctionName": call.physical_id}
    if (reserved := call.properties.get("ReservedConcurrentExecutions")) is None:
        call.api("lambda", "delete_function_concurrency", **function)
    else:
        reserve = {"ReservedConcurrentExecutions": reserved}
        call.api("lambda", "put_function_concurrency", **function, **reserve)


def _code(call: Call) -> dict[str, Any]:
    code = dict(call.properties["Code"])
    if (text := code.get("ZipFile")) is not None:  # in a template it is the source itself
        runtime = str(call.properties.get("Runtime", ""))
        name = next((n for prefix, n in _INLINE.items() if runtime.startswith(prefix)), "index.py")
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo(name), text)
        code["ZipFile"] = packed.getvalue()
    return code


def _permit(call: Call) -> None:
    call.api("lambda", "add_permission", **call.properties, StatementId=call.name)
    call.physical_id = call.name
    call.attributes = {"Id": call.name}


def _revoke(call: Call) -> None:
    function = call.properties["FunctionName"]
    statement = call.physical_id
    call.api("lambda", "remove_permission", FunctionName=function, StatementId=statement)


def _map_source(call: Call) -> None:
    made = call.api("lambda", "create_event_source_mapping", **call.but("Tags"))
    call.physical_id = made["UUID"]
    call.attributes = {"Id": made["UUID"], "EventSourceMappingArn": made["EventSourceMappingArn"]}


TYPES = {
    "AWS::Lambda::EventSourceMapping": ResourceType(
        _map_source,
        lambda call: call.api("lambda", "delete_event_source_mapping", UUID=call.physical_id),
        tags="",
    ),
    "AWS::Lambda::Function": ResourceType(
        _create_function,
        lambda call: call.api("lambda", "delete_function", FunctionName=call.physical_id),
        _update_function,
        immutable=frozenset({"FunctionName", "PackageType"}),
        name="FunctionName",
        name_length=64,
    ),
    "AWS::Lambda::Permission": ResourceType(_permit, _revoke, name_length=100, tags=""),
}
