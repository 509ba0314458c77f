from __future__ import annotations

from pathlib import Path

from wickie.cli.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"


def test_docs_cli_is_what_the_commands_say_of_themselves() -> None:
    assert PAGE.read_text() == reference(), "run python -m wickie.cli.reference > docs/cli.md"


def test_every_command_has_its_section() -> None:
    heads = [line for line in reference().splitlines() if line.startswith("## ")]
    assert heads == [
        f"## {name}"
        for name in (
            "wickie",
            "wickie init",
            "wickie scan",
            "wickie vulnerabilities",
            "wickie rotate",
            "wickie repair",
            "wickie status",
            "wickie register",
            "wickie trigger",
            "wickie demo",
            "wickie config check",
            "wickie config schema",
            "wickie config scan-role",
            "wickie honeytoken create",
            "wickie honeytoken forget",
            "wickie rollback plan",
            "wickie rollback apply",
            "wickie rollback undo",
            "wickie local up",
        )
    ]
