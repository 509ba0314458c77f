"""docs/rotators.md is enough to write a rotator by: its own listings are put to the test."""

from __future__ import annotations

import json
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.faults.aws import open_aws
from bench.faults.faults import FAULTS
from bench.faults.rotator import Rotator, wickie
from bench.faults.run import every, try_out
from tests.rotation.turnstile import running
from wickie.providers.registry import ENGINES, Engine

PAGE = Path(__file__).parents[2] / "docs" / "rotators.md"
PROVIDER, LINE, ARENA = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture(scope="module")
def rotator() -> Iterator[Rotator]:
    """As the page says: a module, a line in the registry, an arena."""
    module = types.ModuleType("wickie.providers.turnstile")
    arena: dict[str, Any] = {"json": json}
    with pytest.MonkeyPatch.context() as patch, open_aws() as aws, running() as server:
        patch.setitem(sys.modules, module.__name__, module)
        exec(PROVIDER, vars(module))  # noqa: S102  (our own page)
        (joined,) = eval(f"[{{{LINE}}}]", {"Engine": Engine})  # noqa: S307
        for name, engine in joined.items():
            patch.setitem(ENGINES, name, engine)
        exec(ARENA, arena)  # noqa: S102
        yield wickie(aws, arena["TurnstileArena"](server), "turnstile", "single-user")


def test_the_provider_is_no_longer_than_the_page_promises() -> None:
    assert len(PROVIDER.splitlines()) <= 60


@pytest.mark.slow
@pytest.mark.parametrize("fault", [name for name in FAULTS if name != "master-rotates"])
def test_a_rotator_written_by_the_page_survives_every_fault(rotator: Rotator, fault: str) -> None:
    tally = try_out(rotator, fault, every(3 if fault == "kill-before" else 9))
    assert tally.tried
    assert not tally.broken
