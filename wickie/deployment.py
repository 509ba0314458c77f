"""What `cdk deploy` made, as the stacks publish it in SSM: the contract between stacks and code."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


PERMISSIONS: Final = ("ssm:GetParameters",)


def parameter_name(stage: str, field: str) -> str:
    """The SSM parameter that holds `field` of a stage's `Deployment`."""
    return f"/wickie/{stage}/{field.replace('_', '-')}"


@dataclass(frozen=True)
class Deployment:
    """The names of one stage's resources; stacks publish exactly these fields."""

    results_bucket: str
    fingerprint_table: str
    fingerprint_key: str
    """KMS HMAC key that the fingerprints' working key is derived with."""
    findings_table: str
    work_pool: str
    """JSON: what the Prefect work pool needs to know (cluster, roles, network, log group, …)."""

    @classmethod
    def load(cls, ssm: SSMClient, stage: str) -> Deployment:
        """Read a stage's contract. Raises `ConfigError` where the stage is not deployed."""
        wanted = {parameter_name(stage, f.name): f.name for f in fields(cls)}
        reply = ssm.get_parameters(Names=list(wanted))
        found = {wanted[p["Name"]]: p["Value"] for p in reply["Parameters"]}
        missing = [name for name in wanted.values() if name not in found]
        if missing:
            raise ConfigError(
                f"stage {stage} is not deployed here (no SSM parameter "
                f"{parameter_name(stage, missing[0])}); run cdk deploy, or check region and stage"
            )
        return cls(**found)
