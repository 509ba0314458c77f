"""Dynamic references (`{{resolve:…}}`), read at the moment a resource is made or changed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from local.cloudformation.errors import ResourceError

if TYPE_CHECKING:
    from collections.abc import Callable

_REFERENCE = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^{}]+)\}\}")
_ARN_PARTS = 7


def resolve(node: Any, client: Callable[[str], Any]) -> Any:
    """
    Replace every reference in `node`.

    Deployed properties keep the reference: the secret's value is in no record of the stack.
    """
    if isinstance(node, dict):
        return {key: resolve(value, client) for key, value in node.items()}
    if isinstance(node, list):
        return [resolve(item, client) for item in node]
    if isinstance(node, str) and "{{resolve:" in node:
        return _REFERENCE.sub(lambda match: _READERS[match[1]](match[2], client), node)
    return node


def _parameter(reference: str, client: Callable[[str], Any]) -> str:
    answer = client("ssm").get_parameter(Name=reference, WithDecryption=True)
    return str(answer["Parameter"]["Value"])


def _secret(reference: str, client: Callable[[str], Any]) -> str:
    parts = reference.split(":")
    size = _ARN_PARTS if reference.startswith("arn:") else 1
    secret_id = ":".join(parts[:size])
    kind, key, stage, version = (*parts[size:], "", "", "", "")[:4]
    if kind not in ("", "SecretString"):
        raise ResourceError(f"{{{{resolve:secretsmanager:{reference}}}}}: use SecretString")
    which = {"VersionStage": stage} if stage else {"VersionId": version} if version else {}
    value = client("secretsmanager").get_secret_value(SecretId=secret_id, **which)["SecretString"]
    if not key:
        return str(value)
    fields = json.loads(value)
    if key not in fields:
        raise ResourceError(f"Could not find a value associated with JSONKey {key} in {secret_id}")
    return str(fields[key])


_READERS: dict[str, Callable[[str, Callable[[str], Any]], str]] = {
    "ssm": _parameter,
    "ssm-secure": _parameter,
    "secretsmanager": _secret,
}
