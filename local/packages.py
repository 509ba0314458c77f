"""Packages of the distribution's, unpacked (not installed) into the user's cache: apt, no root."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path


class MissingError(Exception):
    """A server is not here, and there is no way to get one; the text says why."""


def cached(name: str) -> list[Path]:
    """Folders that packages were unpacked into under this name, the newest version first."""
    return sorted(_cache().glob(f"{name}-*"), reverse=True)


def unpack(name: str, *packages: str) -> Path:
    """
    Download packages, and what they need and is not installed; return the folder they are in.

    Raises `MissingError`.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise MissingError(f"neither {name} nor apt is here; install {' and '.join(packages)}")
    plan = run("apt-get", "--simulate", "--no-install-recommends", "install", *packages)
    wanted = dict(re.findall(r"^Inst (\S+) \((\S+)", plan, flags=re.MULTILINE))
    if not wanted:
        raise MissingError(f"apt has nothing to add to {' and '.join(packages)}; install them")
    cache = _cache()
    cache.mkdir(parents=True, exist_ok=True)
    version = re.sub(r"[^\w.+~-]", "_", wanted.get(packages[0], "system"))
    target = cache / f"{name}-{version}"
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        run("apt-get", "download", *wanted, cwd=scratch)
        for package in Path(scratch).glob("*.deb"):
            run("dpkg", "-x", str(package), f"{scratch}/root")
        if not target.exists():
            Path(scratch, "root").rename(target)
    return target


def run(*argv: str, cwd: str | None = None) -> str:
    """Run a program and return what it prints. Raises `MissingError` where it fails."""
    done = subprocess.run(argv, cwd=cwd, check=False, capture_output=True, text=True)
    if done.returncode:
        raise MissingError(f"{' '.join(argv[:2])} failed: {' '.join(done.stderr.split())[-300:]}")
    return done.stdout


def libraries(root: Path) -> str:
    """LD_LIBRARY_PATH for what packages link to that were unpacked into `root`."""
    if root == Path("/"):
        return ""
    return ":".join(str(p) for base in ("usr/lib", "lib") for p in root.glob(f"{base}/*"))


def _cache() -> Path:
    return Path.home() / ".cache" / "wickie"
