"""No test reaches a real AWS account or anything beyond this machine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

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
