from __future__ import annotations

from pathlib import Path

from wickie.cli.rotators import page
from wickie.providers.registry import ENGINES
from wickie.rotation.strategies import STRATEGIES

PAGE = Path(__file__).parents[2] / "docs" / "rotators.md"


def test_docs_rotators_is_what_the_registries_say() -> None:
    assert PAGE.read_text() == page(), "run python -m wickie.cli.rotators > docs/rotators.md"


def test_every_engine_and_strategy_has_its_row() -> None:
    rows = {line.split("|")[1].strip() for line in page().splitlines() if line.startswith("| `")}
    assert rows >= {f"`{name}`" for name in (*ENGINES, *STRATEGIES)}
