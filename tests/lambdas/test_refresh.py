"""The refresh function as Lambda runs it: every kind of dependent, with boto3 and nothing else."""

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
import lambdas.refresh
from wickie.rotation.dependents.registry import KINDS
print(json.dumps([sorted(KINDS), sorted({name.partition(".")[0] for name in sys.modules})]))
"""


def test_the_zip_knows_every_kind_with_only_lambdas_runtime_beside_it(
    runtime: Path, tmp_path: Path
) -> None:
    packed = archive(build("refresh", tmp_path))
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
    kinds, modules = json.loads(done.stdout)
    assert len(kinds) == 6
    assert not set(modules) & {"pydantic", "numpy", "yaml", "rich", "typer", "prefect"}
