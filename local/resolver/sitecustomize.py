"""
Resolves the names of Cloud Map's private zones: what a VPC's own resolver does in AWS.

Python imports a module of this name at its start, from a folder on PYTHONPATH; the standard library
alone is there. https://docs.python.org/3/library/site.html#module-sitecustomize
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

_ask: Any = socket.getaddrinfo


def _getaddrinfo(host: Any, *rest: Any, **more: Any) -> Any:
    name = host.decode() if isinstance(host, bytes) else host
    if isinstance(name, str) and "/" not in name:
        known = Path(os.environ["LOCAL_AWS_NAMES"], name)
        if name and known.is_file():
            return _ask(known.read_text(), *rest, **more)
    return _ask(host, *rest, **more)


if "LOCAL_AWS_NAMES" in os.environ:
    socket.getaddrinfo = _getaddrinfo
