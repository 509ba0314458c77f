from __future__ import annotations

from pathlib import Path

from wickie.cli.sources import page
from wickie.scan.sources import SOURCES

PAGE = Path(__file__).parents[2] / "docs" / "sources.md"


def test_docs_sources_is_what_the_registry_says() -> None:
    assert PAGE.read_text() == page(), "run python -m wickie.cli.sources > docs/sources.md"


def test_every_kind_has_its_row_with_its_options_and_permissions() -> None:
    rows = {line.split("|")[1].strip(): line for line in page().splitlines() if line[:3] == "| `"}
    assert rows.keys() >= {f"`{kind}`" for kind in SOURCES}
    assert "`bucket`, `prefix`" in rows["`s3`"]
    for kind in SOURCES:
        assert all(action in rows[f"`{kind}`"] for action in SOURCES[kind].permissions)
