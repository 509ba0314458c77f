"""A template's parameters: as given, by default or as before, and what each stands for."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from local.cloudformation.errors import TemplateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BY_SSM = "AWS::SSM::Parameter::Value<"


def given(
    requested: Iterable[Mapping[str, Any]], before: Mapping[str, str], template: Mapping[str, Any]
) -> dict[str, str]:
    """The value of every parameter of the template, as text."""
    declared = template.get("Parameters") or {}
    values = {n: str(p["Default"]) for n, p in declared.items() if "Default" in p}
    for parameter in requested:
        name = parameter["ParameterKey"]
        if str(parameter.get("UsePreviousValue", "")).lower() == "true":
            if name not in before:
                raise TemplateError(f"Parameters: [{name}] must have values")
            values[name] = before[name]
        else:
            values[name] = parameter["ParameterValue"]
    _check_names(values, declared)
    for name, value in values.items():
        _check(name, value, declared[name])
    return values


def _check_names(values: Mapping[str, str], declared: Mapping[str, Any]) -> None:
    if missing := [name for name in declared if name not in values]:
        raise TemplateError(f"Parameters: [{', '.join(missing)}] must have values")
    if unknown := [name for name in values if name not in declared]:
        raise TemplateError(f"Parameters: [{', '.join(unknown)}] do not exist in the template")


def _check(name: str, value: str, declaration: Mapping[str, Any]) -> None:
    allowed = declaration.get("AllowedValues")
    if allowed and value not in map(str, allowed):
        raise TemplateError(f"Template error: Parameter {name} must be one of {allowed}")
    pattern = declaration.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, value):
        raise TemplateError(f"Parameter {name} failed to satisfy constraint: {pattern}")


def resolved(values: Mapping[str, str], template: Mapping[str, Any], ssm: Any) -> dict[str, Any]:
    """What `Ref` of each parameter yields."""
    declared = template.get("Parameters") or {}
    return {
        name: _resolve(value, str(declared[name]["Type"]), ssm) for name, value in values.items()
    }


def _resolve(value: str, kind: str, ssm: Any) -> Any:
    if kind.startswith(_BY_SSM):
        value, kind = _stored(value, ssm), kind.removeprefix(_BY_SSM)
    if kind.startswith(("List<", "CommaDelimitedList")):
        return [item.strip() for item in value.split(",")]
    return value


def _stored(name: str, ssm: Any) -> str:
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ClientError:
        raise TemplateError(
            f"Unable to fetch parameters [{name}] from parameter store for this account."
        ) from None
