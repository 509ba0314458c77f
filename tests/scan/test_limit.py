"""A scan that takes too long is stopped from outside; what else goes wrong in it is told."""

from __future__ import annotations

import time

import pytest

from wickie.scan.detectors.limit import limited


class Endless:
    """Goes on until it is told to stop, as Kingfisher does between two of its steps."""

    def scan(self, data, cancellation):  # noqa: ARG002
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if cancellation.is_cancelled:
                raise RuntimeError("scan cancelled")
        return []


class Broken:
    def scan(self, data, cancellation):  # noqa: ARG002
        raise RuntimeError("out of order")


class Quick:
    def scan(self, data, cancellation):  # noqa: ARG002
        return [data]


def test_a_scan_is_stopped_soon_after_its_time():
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        limited(Endless(), 0.2)(b"")
    assert 0.2 <= time.monotonic() - began < 5


def test_what_goes_wrong_in_time_is_no_timeout():
    with pytest.raises(RuntimeError, match="out of order"):
        limited(Broken(), 30)(b"")


def test_each_scan_has_all_of_the_time():
    scan = limited(Quick(), 0.2)
    for _ in range(4):
        assert scan(b"text") == [b"text"]
        time.sleep(0.1)
