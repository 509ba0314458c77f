"""Drivers that hold native code: fetched for Lambda's platform, not copied from this machine."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from wickie.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

# As stacks/constructs/logged_function.py has it: arm64, python3.14 on Amazon Linux 2023.
_PYTHON: Final = "3.14"
_PLATFORM: Final = "aarch64-manylinux2014"


def fetch(names: Sequence[str], locked: dict[str, Any], project: Path) -> Path:
    """
    Return a folder with the wheels of uv.lock unpacked, under `build/` by what they are.

    `locked` is the lock, read. Raises `ConfigError` where a wheel cannot be had.
    """
    requirements = "".join(_requirement(name, locked) for name in sorted(names))
    key = hashlib.sha256(f"{_PYTHON} {_PLATFORM}\n{requirements}".encode()).hexdigest()
    target = project / "build" / "wheels" / key[:16]
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / "made"
        _install(requirements, made, project, ", ".join(names))
        if not target.exists():
            made.replace(target)
    return target


def _requirement(name: str, locked: dict[str, Any]) -> str:
    package = next((p for p in locked["package"] if p["name"] == name), None)
    if package is None:
        raise ConfigError(f"{name} is not in uv.lock; run uv add --optional drivers {name}")
    hashes = " ".join(f"--hash={wheel['hash']}" for wheel in package.get("wheels", ()))
    return f"{name}=={package['version']} {hashes}\n"


def _install(requirements: str, target: Path, project: Path, names: str) -> None:
    own = project / "build" / "uv" / "bin" / "uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        raise ConfigError(f"uv is needed to fetch {names}; run make dev, or pip install uv")
    listed = target.with_suffix(".txt")
    listed.write_text(requirements)
    done = subprocess.run(  # noqa: S603  (its arguments are ours)
        [uv, "pip", "install", "--quiet", "--no-config", "--target", target]
        + ["--python-platform", _PLATFORM, "--python-version", _PYTHON]
        + ["--only-binary", ":all:", "--no-deps", "--require-hashes", "-r", listed],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ConfigError(
            f"no wheels of {names} for Lambda (Python {_PYTHON}, {_PLATFORM}), as uv.lock has "
            f"them: {' '.join(done.stderr.split())}; check the package index, else run uv lock "
            f"--upgrade-package"
        )
