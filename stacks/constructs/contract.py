"""Publishes what was deployed, as `wickie.deployment.Deployment` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_cdk import aws_ssm as ssm

from wickie.deployment import parameter_name

if TYPE_CHECKING:
    from constructs import Construct


def publish(scope: Construct, stage: str, field: str, value: str) -> ssm.StringParameter:
    """Store one field of the stage's `Deployment` as an SSM parameter."""
    return ssm.StringParameter(
        scope,
        "".join(word.capitalize() for word in field.split("_")) + "Parameter",
        parameter_name=parameter_name(stage, field),
        string_value=value,
        description=f"wickie {stage}: {field}",
    )
