"""
Child processes that never outlive their parent.

A process group is not enough: Prefect starts a flow in a session of its own. So every child
inherits a mark in its environment, and ending means ending whoever carries the mark. Where the
parent is killed outright, Linux tells the children (PR_SET_PDEATHSIG), and does so already when the
*thread* that started them ends: so one thread, which lives as long as the run, starts them all.
"""

from __future__ import annotations

import contextlib
import ctypes
import signal
import subprocess
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PR_SET_PDEATHSIG = 1
_LIBC: ctypes.CDLL | None
try:
    _LIBC = ctypes.CDLL(None, use_errno=True)
except OSError:  # not every platform lets itself be opened so; the mark still serves
    _LIBC = None


def _die_with_parent() -> None:
    if _LIBC is not None and hasattr(_LIBC, "prctl"):
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Processes:
    """The children of one run, found by an inherited mark. Use as a context manager."""

    MARK = "WICKIE_LOCAL_RUN"

    def __init__(self) -> None:
        self.mark = uuid.uuid4().hex
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="starter")

    def start(
        self, argv: Sequence[str], env: Mapping[str, str], **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start `argv` with exactly `env` and the mark; `options` go to `Popen`."""

        def popen() -> subprocess.Popen[bytes]:
            return subprocess.Popen(
                argv,
                env={**env, self.MARK: self.mark},
                preexec_fn=_die_with_parent,  # noqa: PLW1509  (one async-signal-safe call)
                **options,
            )

        return self._starter.submit(popen).result()

    def members(self, key: str = "", value: str = "") -> list[psutil.Process]:
        """Every living process with the mark, and with `key=value` in its environment if given."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                environ = process.environ()
                if environ.get(self.MARK) == self.mark and (not key or environ.get(key) == value):
                    found.append(process)
        return found

    def kill(self, key: str = "", value: str = "") -> None:
        """SIGKILL the members (see `members`)."""
        for process in self.members(key, value):
            with contextlib.suppress(psutil.Error):
                process.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        members = self.members()
        for process in members:
            with contextlib.suppress(psutil.Error):
                process.terminate()
        psutil.wait_procs(members, timeout=3)
        self.kill()
        self._starter.shutdown()
