"""What is registered with a real Prefect server, and where its flows run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from wickie.config import Config
from wickie.prefect import PrefectServer
from wickie.registration.build import build_manifest
from wickie.registration.manifest import Manifest
from wickie.registration.registrar import Registrar
from wickie.registration.work_pool import WorkPool

ROOT = Path(__file__).parents[2]
POOL = WorkPool(
    pool_name="wickie-x",
    cluster="flows",
    execution_role_arn="arn:aws:iam::123456789012:role/execution",
    task_role_arn="arn:aws:iam::123456789012:role/task",
    image="registry.example/wickie@sha256:0123",
    vpc_id="vpc-1",
    subnets=("subnet-1",),
    security_groups=("sg-1",),
    log_group="/wickie/x/flows",
    family="wickie-x-flows",
    region="eu-west-1",
    pusher_role_arn="arn:aws:iam::123456789012:role/wickie-x-pusher",
)


def manifest(stage: str, path: Path = ROOT / "prefect.yaml", **prefect: Any) -> Manifest:
    given = {"api_url": "http://localhost/api", "backend": "self-hosted", **prefect}
    return build_manifest(Config.model_validate({"stage": stage, "prefect": given}), path)


def register(server: PrefectServer, declared: Manifest, *, dry: bool = False) -> list[str]:
    return [str(change) for change in Registrar(server, dry=dry).register(declared, POOL)]
