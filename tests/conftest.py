"""No test reaches a real AWS account or anything beyond this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from local.world import environment
from tests import loopback, once

# What a machine does beside the tests says nothing about them.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

once.install()


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """For the session, so that fixtures of every scope are made behind it."""
    with pytest.MonkeyPatch.context() as patch:
        loopback.install(patch)
        yield


@pytest.fixture(autouse=True)
def _nobody_reached_out() -> Iterator[None]:
    yield
    reached, loopback.attempts[:] = [*loopback.attempts], []
    assert not reached, "beyond this machine"


@pytest.fixture(scope="session", autouse=True)
def _no_real_aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment("").items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL")
        patch.delenv("AWS_PROFILE", raising=False)
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # hundreds, for each account
        yield


_SLOW_MODULE = re.compile(r"^pytestmark = \[?pytest\.mark\.slow\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import a module of slow tests when none is wanted: its servers import much."""
    wanted = config.option.markexpr != "not slow" or collection_path.suffix != ".py"
    return None if wanted or not _SLOW_MODULE.search(collection_path.read_text()) else True


# Rooms whose tests share what takes long to start, a Prefect server or Node's CDK: each is the
# work of one worker, which starts it once.
_TOGETHER = ("tests/flows", "tests/stacks")
# Minutes of tests of one server after the other, each of which may be another worker's work.
_APART = "tests/rotation/test_faults.py"
# Begun last, any of these would be waited for alone.
_LONGEST = (
    "tests/image",
    "tests/e2e",
    "tests/flows",
    "tests/local/test_stranger.py",
    "tests/stacks",
    "tests/local/test_cdk_cli.py",
    "tests/local/test_prefect.py",
    "tests/local/test_registration.py",
    _APART,
)


def _first(node_id: str) -> int:
    return next((n for n, name in enumerate(_LONGEST) if node_id.startswith(name)), len(_LONGEST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first; else as they stand."""
    items.sort(key=lambda item: _first(item.nodeid))


class _ByRoom(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        room = next((room for room in _TOGETHER if nodeid.startswith(f"{room}/")), None)
        file, _, test = nodeid.partition("::")
        server = test.partition("[")[2].partition(" ")[0] if file == _APART else ""
        return room or f"{file} {server}".rstrip()


@pytest.hookimpl(tryfirst=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file is the work of one worker, and so is a room whose tests share much."""
    return _ByRoom(config, log) if config.option.dist == "loadfile" else None
