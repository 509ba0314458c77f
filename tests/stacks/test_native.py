"""Drivers with native code in a function's zip: for Lambda, whatever this machine is."""

from __future__ import annotations

import re
import struct

import pytest

from stacks import native
from stacks.packaging import build
from wickie.errors import ConfigError
from wickie.providers.registry import ENGINES

_AARCH64 = 183


def machine_of(path):
    header = path.read_bytes()[:20]
    assert header[:4] == b"\x7fELF"
    return struct.unpack_from("<H", header, 18)[0]


@pytest.mark.slow
def test_every_shared_object_of_oracles_driver_is_for_lambda(tmp_path):
    try:
        folder = build("oracle", tmp_path)
    except ConfigError as error:
        if not re.search("Failed to fetch|error sending request|connectivity", str(error)):
            raise
        pytest.skip(f"no package index: {error}")
    objects = list(folder.rglob("*.so"))
    assert {"oracledb", "hazmat"} <= {part for p in objects for part in p.parts}
    assert {machine_of(path) for path in objects} == {_AARCH64}
    assert not [
        p.name for p in objects if ".cpython-314-aarch64" not in p.name and ".abi3." not in p.name
    ]


@pytest.mark.slow
def test_the_drivers_of_mongodb_and_sql_server_go_along_in_python_alone(tmp_path):
    for engine, package in (("mongodb", "pymongo"), ("sqlserver", "pytds")):
        folder = build(engine, tmp_path)
        assert (folder / package / "__init__.py").exists()
        assert not list(folder.rglob("*.so"))
        assert ENGINES[engine].native == ()


def test_a_wheel_that_the_lock_lacks_is_an_error_that_names_it(tmp_path):
    with pytest.raises(ConfigError, match=r"nothing-such is not in uv\.lock"):
        native.fetch(["nothing-such"], {"package": []}, tmp_path)


def test_a_lock_without_wheels_for_lambda_says_for_which_platform(tmp_path):
    elsewhere = [{"url": "nothing_such-1-cp314-cp314-win_arm64.whl", "hash": "sha256:00"}]
    locked = {"package": [{"name": "nothing-such", "version": "1", "wheels": elsewhere}]}
    with pytest.raises(ConfigError, match=r"no wheel of nothing-such 1 for Lambda \(Python 3.14"):
        native.fetch(["nothing-such"], locked, tmp_path)
