"""The refresh function as Lambda runs it: every kind of dependent, with boto3 and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stacks.packaging import build

pytestmark = pytest.mark.slow

PROGRAM = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import lambdas.refresh
from wickie.rotation.dependents.registry import KINDS
print(json.dumps([sorted(KINDS), sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_the_zip_knows_every_kind_with_only_lambdas_runtime_beside_it(
    told: Any, tmp_path: Path
) -> None:
    kinds, modules = told(build("refresh", tmp_path), PROGRAM)
    assert len(kinds) == 6
    assert not set(modules) & {"pydantic", "numpy", "yaml", "rich", "typer", "prefect"}
