"""`make check` looks at all it should: where its settings leave things out, nothing of ours is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
SERVICE = re.compile(
    r"^from aws_cdk import (aws_\w+)|^(?:from|import) aws_cdk\.(aws_\w+)", re.MULTILINE
)


def test_every_service_of_the_cdk_that_stacks_use_has_its_types_checked() -> None:
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mypy"]
    followed = {
        name
        for override in mypy["overrides"]
        if override.get("follow_imports") == "normal"
        for name in override["module"]
    }
    used = {
        f"aws_cdk.{one or other}"
        for path in (ROOT / "stacks").rglob("*.py")
        for one, other in SERVICE.findall(path.read_text())
    }
    assert len(used) > 10
    assert used <= followed
