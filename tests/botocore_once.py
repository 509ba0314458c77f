"""What botocore and moto work out anew for each session, client or mock: most of a test's time."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Final

import botocore.client
import botocore.hooks
import botocore.session
from moto.core import models


def install() -> None:
    """Put what was worked out once in the place of the work."""
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    botocore.hooks.accepts_kwargs = _accepts_kwargs
    botocore.hooks.EventAliaser._alias_event_name = lambda _, name: _alias(name)
    botocore.client.ClientCreator._create_methods = _create_methods
    models.RESPONSES_METHODS.clear()  # a thousand for `requests`, which nothing here speaks AWS by


_ACCEPTS_KWARGS: Final = botocore.hooks.accepts_kwargs
_CREATE_METHODS: Final = botocore.client.ClientCreator._create_methods

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
