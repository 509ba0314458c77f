"""A published work pool, and a manifest of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from wickie.config import Config
from wickie.registration.build import build_manifest
from wickie.registration.manifest import Manifest

ROOT = Path(__file__).parents[2]
PUBLISHED = {
    "pool_name": "wickie-x",
    "cluster": "flows",
    "execution_role_arn": "arn:aws:iam::123456789012:role/execution",
    "task_role_arn": "arn:aws:iam::123456789012:role/task",
    "image": "registry.example/wickie@sha256:0123",
    "vpc_id": "vpc-1",
    "subnets": ["subnet-1", "subnet-2"],
    "security_groups": ["sg-1"],
    "log_group": "/wickie/x/flows",
    "family": "wickie-x-flows",
    "region": "eu-west-1",
}


def configured(**prefect: Any) -> Config:
    """A stage x whose flows are registered somewhere."""
    given = {"api_url": "https://prefect.example.com/api", "backend": "self-hosted", **prefect}
    return Config.model_validate({"stage": "x", "prefect": given})


@pytest.fixture
def manifest() -> Manifest:
    return build_manifest(configured(), ROOT / "prefect.yaml")


@pytest.fixture
def published() -> str:
    """The work pool as the stack publishes it."""
    return json.dumps(PUBLISHED)
