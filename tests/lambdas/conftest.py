"""What Lambda's runtime brings along, and a zip run with no more beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import pytest

from stacks.packaging import archive

RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


@pytest.fixture(scope="session")
def runtime(tmp_path_factory):
    """A folder with what Lambda's runtime has to import, and no more."""
    place = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (place / source.name).symlink_to(source)
    return place


@pytest.fixture
def told(runtime, tmp_path):
    """What a program prints as JSON that runs with a function's zip and Lambda's runtime alone."""

    def run(folder: Path, program: str):
        packed = archive(folder)
        assert len(packed) < 60_000
        with zipfile.ZipFile(BytesIO(packed)) as bundle:
            assert not [name for name in bundle.namelist() if name.startswith("wickie/config")]
            bundle.extractall(tmp_path / "task")
        places = json.dumps([f"{tmp_path}/task", str(runtime)])
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", program, places],
            env={"PATH": os.environ["PATH"], "AWS_REGION": "us-east-1"},
            capture_output=True,
            check=False,
            timeout=120,
        )
        assert not done.returncode, done.stderr.decode()
        return json.loads(done.stdout)

    return run
