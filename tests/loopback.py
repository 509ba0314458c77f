"""Nothing but this machine: whoever reaches out from the tests' process is refused and told on."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from typing import Any

import pytest

attempts: list[str] = []
"""Hosts that were asked for. Code may shrug at a refusal; a test that finds one here fails."""

_CONNECTING = ("connect", "connect_ex", "sendto")
_RESOLVING = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")


def install(patch: pytest.MonkeyPatch) -> None:
    """Stand before whatever leads from this process to an address or a name."""
    for name in _CONNECTING:
        patch.setattr(socket.socket, name, _connecting(getattr(socket.socket, name)))
    for name in _RESOLVING:
        patch.setattr(socket, name, _resolving(getattr(socket, name)))


def _connecting(real: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *arguments: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _check(arguments[-1][0])  # sendto's address is its last argument too
        return real(self, *arguments)

    return guarded


def _resolving(real: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(host: Any, *arguments: Any, **named: Any) -> Any:
        _check(host)
        return real(host, *arguments, **named)

    return guarded


def _check(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host or "localhost"
    if not _is_here(str(name)):
        attempts.append(str(name))
        raise socket.gaierror(socket.EAI_NONAME, f"a test tried to reach {name}")


def _is_here(name: str) -> bool:
    if name in ("localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified  # unspecified: what a server binds to
