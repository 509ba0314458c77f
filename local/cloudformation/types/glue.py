"""AWS::Glue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import ResourceError
from local.cloudformation.types.call import ResourceType

if TYPE_CHECKING:
    from local.cloudformation.types.call import Call


def _create_database(call: Call) -> None:
    wanted = _named(call, "DatabaseInput")
    call.api("glue", "create_database", DatabaseInput=wanted)
    call.physical_id = wanted["Name"]


def _update_database(call: Call) -> None:
    wanted = _named(call, "DatabaseInput")
    call.api("glue", "update_database", Name=call.physical_id, DatabaseInput=wanted)


def _create_table(call: Call) -> None:
    wanted = _named(call, "TableInput")
    call.api("glue", "create_table", **_database(call), TableInput=wanted)
    call.physical_id = wanted["Name"]


def _update_table(call: Call) -> None:
    call.api("glue", "update_table", **_database(call), TableInput=_named(call, "TableInput"))


def _delete_table(call: Call) -> None:
    call.api("glue", "delete_table", **_database(call), Name=call.physical_id)


def _named(call: Call, part: str) -> dict[str, Any]:
    """What stands within the property that holds everything, and a name if it has none."""
    wanted: dict[str, Any] = {"Name": call.physical_id or call.name} | call.properties[part]
    if call.physical_id and wanted["Name"] != call.physical_id:
        raise ResourceError("An update of Name is not emulated by the local AWS")
    return wanted


def _database(call: Call) -> dict[str, Any]:
    return {"DatabaseName": call.properties["DatabaseName"]}


TYPES = {
    "AWS::Glue::Database": ResourceType(
        _create_database,
        lambda call: call.api("glue", "delete_database", Name=call.physical_id),
        _update_database,
        immutable=frozenset({"CatalogId"}),
        lower_case=True,
        tags="",
    ),
    "AWS::Glue::Table": ResourceType(
        _create_table,
        _delete_table,
        _update_table,
        immutable=frozenset({"CatalogId", "DatabaseName"}),
        lower_case=True,
        tags="",
    ),
}
