"""A scan that takes too long is stopped from outside; what else goes wrong in it is told."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from wickie.scan.detectors.limit import limited


class Broken:
    def scan(self, data, cancellation):  # noqa: ARG002
        raise RuntimeError("out of order")


@dataclass
class Busy:
    """Takes so many seconds of CPU, unless it is told to stop."""

    seconds: float

    def scan(self, data, cancellation):
        end = time.thread_time() + self.seconds
        while time.thread_time() < end:
            if cancellation.is_cancelled:
                raise RuntimeError("scan cancelled")
        return [data]


@dataclass
class Asleep:
    """As a thread is that others do not let run."""

    seconds: float

    def scan(self, data, cancellation):
        time.sleep(self.seconds)
        if cancellation.is_cancelled:
            raise RuntimeError("scan cancelled")
        return [data]


def test_a_scan_is_stopped_soon_after_its_time():
    begun = time.thread_time()
    with pytest.raises(TimeoutError):
        limited(Busy(5))(b"", timeout=0.2)
    assert 0.2 <= time.thread_time() - begun < 2


def test_what_goes_wrong_in_time_is_no_timeout():
    with pytest.raises(RuntimeError, match="out of order"):
        limited(Broken())(b"", timeout=30)


def test_each_scan_has_all_of_the_time():
    scan = limited(Busy(0.15))
    for _ in range(4):
        assert scan(b"text", timeout=0.3) == [b"text"]


def test_time_in_which_a_scan_does_not_run_is_not_its_own():
    assert limited(Asleep(0.4))(b"text", timeout=0.1) == [b"text"]
