"""Drivers that hold native code: fetched for Lambda's platform, not copied from this machine."""

from __future__ import annotations

import hashlib
import re
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
_FITTING: Final = re.compile(
    r"-none-any\.whl|(-cp314-cp314|-abi3)-manylinux[^/]*_aarch64[^/]*\.whl"
)


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
    wheels = package.get("wheels", ())
    if not any(_FITTING.search(wheel["url"]) for wheel in wheels):
        raise ConfigError(
            f"uv.lock has no wheel of {name} {package['version']} for Lambda (Python {_PYTHON}, "
            f"arm64); lock a version that has one"
        )
    hashes = " ".join(f"--hash={wheel['hash']}" for wheel in wheels)
    return f"{name}=={package['version']} {hashes}\n"


def _install(requirements: str, target: Path, project: Path, names: str) -> None:
    own = project / "build" / "uv" / "bin" / "uv"
    uv = str(own) if own.exists() else shutil.which("uv")
    if uv is None:
        raise ConfigError(f"uv is needed to fetch {names}; run make dev, or pip install uv")
    listed = target.with_suffix(".txt")
    listed.write_text(requirements)
    done = subprocess.run(  # noqa: S603  (its arguments are ours)
        [
            *(uv, "pip", "install", "--quiet", "--no-config", "--target", str(target)),
            *("--python-platform", _PLATFORM, "--python-version", _PYTHON),
            *("--only-binary", ":all:", "--no-deps", "--require-hashes", "-r", str(listed)),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise ConfigError(
            f"wheels of {names} for Lambda (Python {_PYTHON}, {_PLATFORM}) cannot be fetched as "
            f"uv.lock has them: {' '.join(done.stderr.split())}"
        )
