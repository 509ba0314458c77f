"""The register function has all it needs in its zip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stacks.packaging import build

pytestmark = pytest.mark.slow

PROGRAM = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import lambdas.register
print(json.dumps([lambdas.register._MANIFEST.read_text(), [*sys.modules]]))
"""


def test_the_zip_reads_its_manifest_with_only_lambdas_runtime_beside_it(
    told: Any, tmp_path: Path
) -> None:
    manifest, modules = told(build("register", tmp_path, files={"manifest.json": "{}"}), PROGRAM)
    assert manifest == "{}"
    # wickie.prefect is ours; Prefect itself would stand at the top.
    assert not set(modules) & {"pydantic", "numpy", "yaml", "rich", "typer", "prefect", "botocore"}


def test_with_a_manifest_and_without_are_two_folders(tmp_path: Path) -> None:
    """Else the CDK, which knows a folder by its path, would upload the first for both."""
    bare = build("register", tmp_path)
    filled = build("register", tmp_path, files={"manifest.json": "{}"})
    assert bare != filled
    assert not (bare / "manifest.json").exists()
