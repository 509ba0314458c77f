"""The register function has all it needs in its zip."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path

from stacks.packaging import archive, build

PROGRAM = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
import lambdas.register
print(json.dumps([lambdas.register._MANIFEST.read_text(), [*sys.modules]]))
"""


def test_the_zip_reads_its_manifest_with_only_lambdas_runtime_beside_it(
    runtime: Path, tmp_path: Path
) -> None:
    packed = archive(build("register", tmp_path, files={"manifest.json": "{}"}))
    assert len(packed) < 60_000
    with zipfile.ZipFile(BytesIO(packed)) as bundle:
        assert not [name for name in bundle.namelist() if name.startswith("wickie/config")]
        bundle.extractall(tmp_path / "task")
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", PROGRAM, json.dumps([f"{tmp_path}/task", str(runtime)])],
        env={"PATH": os.environ["PATH"], "AWS_REGION": "us-east-1"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert not done.returncode, done.stderr.decode()
    manifest, modules = json.loads(done.stdout)
    assert manifest == "{}"
    # wickie.prefect is ours; Prefect itself would stand at the top.
    assert not set(modules) & {"pydantic", "numpy", "yaml", "rich", "typer", "prefect", "botocore"}


def test_with_a_manifest_and_without_are_two_folders(tmp_path: Path) -> None:
    """Else the CDK, which knows a folder by its path, would upload the first for both."""
    bare = build("register", tmp_path)
    filled = build("register", tmp_path, files={"manifest.json": "{}"})
    assert bare != filled
    assert not (bare / "manifest.json").exists()
