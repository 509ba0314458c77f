"""What Lambda's runtime brings along."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

RUNTIME = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")


@pytest.fixture(scope="session")
def runtime(tmp_path_factory):
    """A folder with what Lambda's runtime has to import, and no more."""
    place = tmp_path_factory.mktemp("runtime")
    for name in RUNTIME:
        spec = find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        source = origin.parent if origin.name == "__init__.py" else origin
        (place / source.name).symlink_to(source)
    return place
