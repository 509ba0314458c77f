"""The JSON Schema of wickie.yaml, for editors: `wickie config schema`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from wickie.config import Config
from wickie.providers.registry import ENGINES
from wickie.rotation.strategies import STRATEGIES

_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}


class _ForEditors(GenerateJsonSchema):
    """Without titles that repeat the keys, and with defaults as people write them."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  (pydantic's)
        """Never: an editor would show it beside the key it repeats."""
        return False

    def encode_default(self, dft: Any) -> Any:
        """Say `10m` and not `PT10M`, and of a section what differs from its own defaults."""
        if isinstance(dft, timedelta):
            return _written(dft)
        if isinstance(dft, BaseModel):
            return {}
        return super().encode_default(dft)


def json_schema() -> dict[str, Any]:
    """What wickie.yaml may say. What cannot be had together, only `load_config` knows."""
    schema = Config.model_json_schema(schema_generator=_ForEditors)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    secret = schema["$defs"]["ManagedSecret"]
    secret["properties"]["engine"]["enum"] = list(ENGINES)
    secret["properties"]["strategy"]["enum"] = list(STRATEGIES)
    secret["allOf"] = [_of_engine(name) for name in ENGINES]
    return schema


def _of_engine(name: str) -> dict[str, Any]:
    """The strategies it has, and the options it needs."""
    engine = ENGINES[name]
    then: dict[str, Any] = {"properties": {"strategy": {"enum": list(engine.strategies)}}}
    if engine.options:
        then["properties"]["options"] = {"required": list(engine.options)}
        then["required"] = ["options"]
    matches = {"properties": {"engine": {"const": name}}, "required": ["engine"]}
    return {"if": matches, "then": then}


def _written(duration: timedelta) -> str:
    for unit, length in _UNITS.items():
        if duration and not duration % length:
            return f"{duration // length}{unit}"
    return f"{duration.total_seconds():.0f}s"
