"""Where the samples are, and what they take along when they are uploaded."""

from __future__ import annotations

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Final

from bench.faults.arenas import Unavailable
from stacks.packaging import PROJECT

PYGRESQL: Final = "6.2.3"
"""The newest. They pin none; it is not in uv.lock, for nothing of wickie's needs it."""
NAMES: Final = {
    "single-user": "SecretsManagerRDSPostgreSQLRotationSingleUser",
    "alternating-users": "SecretsManagerRDSPostgreSQLRotationMultiUser",
}
_BUILD: Final = PROJECT / "build" / "peers"
_LIBPQ: Final = "libpq.so.5"


@cache
def checkout() -> Path:
    """The samples' folder. Raises `Unavailable`, saying how to have it."""
    folder = Path(os.environ.get("PEERS", ""))
    if "PEERS" in os.environ and all((folder / name).is_dir() for name in NAMES.values()):
        return folder
    raise Unavailable(
        "compares with AWS's sample rotation functions; clone "
        "aws-samples/aws-secrets-manager-rotation-lambdas and PEERS=<its folder> make bench"
    )


def commit() -> str:
    """Which state of the samples it is."""
    asked = subprocess.run(
        ["git", "-C", str(checkout()), "rev-parse", "--short", "HEAD"],
        check=False,
        capture_output=True,
        text=True,
    )
    return asked.stdout.strip() or "of unknown commit"


@cache
def driver() -> Path:
    """A folder with PyGreSQL in it. Raises `Unavailable` where it cannot be built."""
    target = _BUILD / f"pygresql-{PYGRESQL}"
    if not target.exists():
        uv = PROJECT / "build" / "uv" / "bin" / "uv"
        command = ["pip", "install", "--quiet", "--no-deps", "--target", f"{target}.new"]
        built = subprocess.run(
            [str(uv), *command, f"PyGreSQL=={PYGRESQL}"], check=False, capture_output=True
        )
        if built.returncode:
            raise Unavailable("PyGreSQL cannot be built here; apt-get install libpq-dev gcc")
        Path(f"{target}.new").replace(target)
    return target


def folder(strategy: str) -> Path:
    """
    What is uploaded: the function, its driver without debugging symbols, and libpq.

    Not what libpq is linked with (OpenSSL, Kerberos, LDAP): some of it is in Lambda's runtime.
    """
    target = _BUILD / strategy
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(
        driver(),
        target,
        ignore=lambda _, names: {n for n in names if n in _LEFT_OUT or n.endswith(".pyi")},
    )
    shutil.copyfile(
        checkout() / NAMES[strategy] / "lambda_function.py", target / "lambda_function.py"
    )
    shutil.copyfile(_libpq(), target / _LIBPQ)
    for library in target.rglob("*.so*"):
        subprocess.run(["strip", str(library)], check=True)
    return target


_LEFT_OUT: Final = ("__pycache__", "bin", ".lock")


def _libpq() -> Path:
    (compiled,) = driver().glob("pg/_pg.*.so")
    linked = subprocess.run(["ldd", str(compiled)], check=True, capture_output=True, text=True)
    for line in linked.stdout.splitlines():
        if _LIBPQ in line:
            return Path(line.split()[2])
    raise Unavailable("the driver's libpq was not found")
