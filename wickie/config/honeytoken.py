"""What may stand under `honeytokens`."""

from __future__ import annotations

from pydantic import Field

from wickie.config.section import Section


class Honeytoken(Section):
    """A secret that nobody may use: whoever does, or copies it, gives themselves away."""

    name: str = Field(min_length=1, description="name or ARN in Secrets Manager")
    planted: tuple[str, ...] = Field(
        default=(), description="patterns (*, ?) of the places where it lies, as reports have them"
    )
    user: str | None = Field(
        default=None,
        pattern=r"^[\w+=,.@/-]+$",
        description="IAM user whose access key it is, with no rights at all",
    )
    keys: tuple[str, ...] = Field(
        default=(), description="of its JSON, those that it is recognised by; usual ones if none"
    )
