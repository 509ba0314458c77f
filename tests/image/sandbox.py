"""
A container's file system without a container: `/opt` and `/tmp` of its own, the rest read-only.

What the Dockerfile makes lies under `/opt`. The bases' part, which is Python, git and Go, is this
machine's own; its Python is seen at `/opt/base`, where another user may read it too.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.image.dockerfile import Step

ROOT = Path(__file__).parents[2]
BASE = "/opt/base"
SCRATCH = "/tmp"  # noqa: S108  (its own)
# What `go install` has brought here before: no test asks the network for more.
GO_MODULES = Path(os.environ.get("GOMODCACHE", Path.home() / "go/pkg/mod"), "cache/download")
# Each is a part of the base here, and no part of what is to be proven.
PROVIDED = ("apt-get", "pip")


@dataclass(frozen=True)
class Sandbox:
    """The file system of one stage."""

    folder: Path

    @property
    def opt(self) -> Path:
        """What is `/opt` inside."""
        return self.folder / "opt"

    def make(self) -> Sandbox:
        """Create its folders."""
        (self.opt / "base").mkdir(parents=True)
        (self.folder / "tmp").mkdir()
        (self.folder / "tmp").chmod(0o1777)
        return self

    def perform(self, step: Step, stages: Mapping[str, Sandbox]) -> None:
        """Do what a RUN or COPY says."""
        if step.keyword == "COPY":
            self._copy(step, stages)
        elif step.text.split()[0] not in PROVIDED:
            host = f"{ROOT}/build/uv/bin:{BASE}/bin:{os.environ['PATH']}"
            path = step.environment.get("PATH", "$PATH").replace("$PATH", host)
            settings = {
                "HOME": os.environ["HOME"],
                "UV_OFFLINE": "1",
                "UV_PYTHON": f"{BASE}/bin/python3",
                "GOPROXY": f"file://{GO_MODULES}",
                **step.environment,
                "PATH": path,
            }
            inside = f"cd {step.workdir} && {step.text}"
            done = self.run(["sh", "-ec", inside], settings, user=step.user)
            if done.returncode:
                raise StepFailedError(f"{step.text}: {done.stdout}{done.stderr}")

    def run(
        self,
        command: list[str],
        environment: Mapping[str, str],
        user: str,
        *,
        read_only: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside, as `user`, and with nothing to write to but /tmp if `read_only`."""
        mounts = [
            "mount --bind / /",
            f"mount --bind {self.opt} /opt",
            f"mount --bind {sys.base_prefix} {BASE}",
        ]
        if read_only:
            mounts += [f"mount --bind {self.folder / 'tmp'} /tmp"]
            mounts += [f"mount -o remount,ro,bind {where}" for where in ("/", "/opt", BASE)]
        become = f"setpriv --reuid {user} --regid {user} --clear-groups --bounding-set=-all"
        as_user = "" if user == "0" else become
        script = "\n".join([*mounts, f"cd /opt && exec {as_user} {shlex.join(command)}"])
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script],
            # A shared libpython is looked for where it was installed, which others may not read.
            env={"LD_LIBRARY_PATH": f"{BASE}/lib", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=580,
        )

    def _copy(self, step: Step, stages: Mapping[str, Sandbox]) -> None:
        *sources, target = step.text.split()
        root = ROOT
        if sources[0].startswith("--from="):
            root = stages[sources.pop(0).removeprefix("--from=")].folder
        into = self.folder / f".{os.path.normpath(Path(step.workdir, target))}"
        found = [p for s in sources for p in glob(str(root / s.lstrip("/")))]  # noqa: PTH207
        for source in map(Path, found):
            several = target.endswith("/") and source.is_file()
            place = into / source.name if several else into
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                ignore: Any = shutil.ignore_patterns("__pycache__") if root == ROOT else None
                shutil.copytree(source, place, symlinks=True, dirs_exist_ok=True, ignore=ignore)
            else:
                shutil.copy2(source, place)


class StepFailedError(Exception):
    """An instruction of the Dockerfile did not succeed."""


def can_mount() -> bool:
    """Whether this machine lets one have mounts of one's own."""
    probe = ["unshare", "--mount", "--propagation", "private", "mount", "--bind", "/", "/"]
    programs = all(shutil.which(name) for name in ("unshare", "setpriv"))
    return programs and subprocess.run(probe, capture_output=True, check=False).returncode == 0
