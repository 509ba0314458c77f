"""What botocore and moto work out anew for each session, client or mock: most of a test's time."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Final

import botocore.client
import botocore.hooks
import botocore.session
import botocore.useragent
import moto.core.models
import moto.kms.models
import moto.kms.utils


def install() -> None:
    """Put what was worked out once in the place of the work."""
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    botocore.hooks.accepts_kwargs = _accepts_kwargs
    botocore.hooks.EventAliaser._alias_event_name = lambda _, name: _alias(name)
    botocore.client.ClientCreator._create_methods = _create_methods
    sanitize = botocore.useragent.sanitize_user_agent_string_component  # of every request
    botocore.useragent.sanitize_user_agent_string_component = functools.cache(sanitize)
    # A thousand answers for `requests`, by which nothing here speaks AWS.
    moto.core.models.RESPONSES_METHODS.clear()
    moto.kms.models.generate_private_key = _generate_private_key


_ACCEPTS_KWARGS: Final = botocore.hooks.accepts_kwargs
_CREATE_METHODS: Final = botocore.client.ClientCreator._create_methods

_GENERATE_PRIVATE_KEY: Final = moto.kms.utils.generate_private_key

_alias = functools.cache(botocore.hooks.EventAliaser(None)._alias_event_name)
_methods: dict[tuple[str, str], dict[str, Any]] = {}


def _accepts_kwargs(handler: Any) -> Any:
    code = getattr(handler, "__code__", None)
    return code.co_flags & inspect.CO_VARKEYWORDS if code else _ACCEPTS_KWARGS(handler)


def _create_methods(self: Any, model: Any) -> dict[str, Any]:
    """They know the names of their operations, and no session."""
    key = (model.service_name, model.api_version)
    if key not in _methods:
        _methods[key] = _CREATE_METHODS(self, model)
    return {**_methods[key]}


@functools.cache
def _unused() -> Any:
    return _GENERATE_PRIVATE_KEY("RSA_2048")


def _generate_private_key(spec: str) -> Any:
    """Moto makes an RSA key for every key, also for those that AWS can only encrypt by."""
    return _GENERATE_PRIVATE_KEY(spec) if spec.startswith(("RSA", "ECC")) else _unused()
