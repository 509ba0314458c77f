"""The real Trivy of this environment."""

from __future__ import annotations

import platform
import shutil
import sys
from pathlib import Path

import pytest


def trivy_path() -> str:
    """Skips where PyPI has no wheel of it; that it is missing elsewhere is a failure."""
    found = shutil.which("trivy", path=str(Path(sys.executable).parent))
    if not found and (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("no trivy here: PyPI has its wheel for x86-64 Linux alone")
    assert found, "uv.lock brings trivy along, and it is not in this environment; run make dev"
    return found
