"""Options that several commands have in common."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal

import typer

DEFAULT_CONFIG: Final = Path("wickie.yaml")
DEFAULT_PREFECT_YAML: Final = Path("prefect.yaml")
ConfigPath = Annotated[Path, typer.Option("--config", "-c", help="The wickie.yaml to go by.")]
Output = Annotated[
    Literal["table", "json"], typer.Option("--format", "-f", help="How the result is written.")
]
ReportFormat = Annotated[
    Literal["table", "json", "sarif"],
    typer.Option("--format", "-f", help="How the result is written."),
]
ReportFile = Annotated[
    Path | None, typer.Option("--output", "-o", help="File to write to instead of stdout.")
]
ExitZero = Annotated[
    bool, typer.Option("--exit-zero", help="End with 0 even where something was found.")
]
Baseline = Annotated[
    Path | None,
    typer.Option(
        help="Do not count what this file lists, instead of the one in wickie.yaml's scan.baseline."
    ),
]
BaselineOut = Annotated[
    Path | None,
    typer.Option(help="Write what is found to this baseline, and count none of it."),
]
Verify = Annotated[
    bool, typer.Option("--verify", help="Ask issuers whether what is found is live.")
]
VulnerabilityTargets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET",
        help="Directories, lock files, SBOMs (*.cdx.json), Lambda packages (*.zip), image"
        " archives (*.tar) and images (…@sha256:…) to scan instead of those in wickie.yaml.",
    ),
]
