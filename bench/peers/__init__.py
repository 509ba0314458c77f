"""
wickie beside AWS's sample rotation functions: same database, same harness, one run.

None of their code is here. `PEERS` names a checkout of theirs; the driver that their functions for
PostgreSQL import is installed into `build/peers` at the first run.
"""

from __future__ import annotations

from typing import Final

from bench.peers.checkout import checkout

_PARTS: Final = ("bench.peers.crashes", "bench.peers.logins", "bench.peers.cost")


def parts() -> tuple[str, ...]:
    """The tables of the comparison. Raises `Unavailable`."""
    checkout()
    return _PARTS
