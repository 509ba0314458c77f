"""What can go wrong while a stack is deployed; both texts end up in front of the user."""

from __future__ import annotations


class TemplateError(Exception):
    """The template or its parameters mean nothing: the request is refused (ValidationError)."""


class ResourceError(Exception):
    """A resource could not be made, changed or deleted: the stack fails with this reason."""


class GoneError(ResourceError):
    """What was to be changed or deleted is not there."""
