"""`wickie scan`: read what was named, say what was found, change nothing."""

from __future__ import annotations

import uuid
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from wickie.aws import Clients
from wickie.cli.failures import explain, warn
from wickie.cli.findingkey import finding_key
from wickie.cli.progress import scanning
from wickie.cli.writing import write
from wickie.config import load_config
from wickie.deployment import Deployment
from wickie.errors import ConfigError, NothingScannedError
from wickie.fingerprints import FingerprintTable, working_key
from wickie.model import Gap
from wickie.report import Report, render_json, render_sarif
from wickie.report.terminal import print_report
from wickie.scan import engine
from wickie.scan.detectors import open_detectors
from wickie.scan.places import openings
from wickie.scan.sources.directory import Directory
from wickie.scan.sources.git import Repository, is_repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wickie.config import Config
    from wickie.scan.chunk import Detector, Source
    from wickie.scan.sources.prefect import PrefectApi

Output = Literal["table", "json", "sarif"]

_RENDERERS: Final[Mapping[str, Callable[[Report], str]]] = {
    "json": render_json,
    "sarif": render_sarif,
}
_DEFAULT_CONFIG: Final = Path("wickie.yaml")
_NO_STAGE: Final = "none"


def run(paths: Sequence[Path], config_path: Path | None, output: Output, file: Path | None) -> int:
    """Scan and write the result; return the exit code."""
    if file and not file.parent.is_dir():
        raise ConfigError(f"cannot write {file}: there is no directory {file.parent}; create it")
    if not paths and config_path is None:
        config_path = _DEFAULT_CONFIG
    config = load_config(config_path) if config_path else None
    if config and not paths and not config.scan.targets:
        raise ConfigError(f"{config_path} names nothing to scan; add scan.targets, or name a PATH")
    gaps: list[Gap] = []
    with scanning(show=output == "table") as watch:
        detectors = _detectors(config, gaps)
        opened = _local(paths) if paths else _targets(config, gaps)
        sources = list(opened)
        for gap in gaps:
            warn(f"not scanned: {gap.uri}: {gap.reason}")
        result = engine.scan(sources, detectors, run_id=uuid.uuid4().hex, watch=watch)
    if not result.artifacts:
        named = ", ".join(source.uri for source in sources)
        raise NothingScannedError(f"{named}: there is nothing to read; correct what is scanned")
    for gap in result.gaps:
        warn(f"not scanned: {gap.uri}: {gap.reason}")
    result = replace(result, gaps=(*gaps, *result.gaps))
    report = Report(config.stage if config else _NO_STAGE, result)
    render = _RENDERERS.get(output)
    write(render and partial(render, report), partial(print_report, report), file)
    return report.exit_code()


def _local(paths: Sequence[Path]) -> Iterator[Source]:
    """A repository is read both as it lies there and in its history."""
    for path in paths:
        yield Directory(path)
        if is_repository(path):
            yield Repository(path)


def _targets(config: Config | None, gaps: list[Gap]) -> Iterator[Source]:
    for opening in openings(config.scan, Clients(), _prefect) if config else ():
        if isinstance(opening, Gap):
            gaps.append(opening)
            continue
        try:
            yield opening.open()
        except Exception as error:  # noqa: BLE001  (the other targets are still to be scanned)
            gaps.append(Gap(opening.name, explain(error)))


def _prefect() -> PrefectApi | None:
    try:
        from flows.prefect_api import prefect_api  # noqa: PLC0415  (slow; few scan Prefect)
    except ModuleNotFoundError:
        return None
    return prefect_api()


def _detectors(config: Config | None, gaps: list[Gap]) -> Sequence[Detector]:
    """Without the stage's fingerprints the rest is still looked for, and the lack is a gap."""
    if config:
        try:
            clients = Clients()
            deployed = Deployment.load(clients.ssm, config.stage)
            key = working_key(clients.kms, deployed.fingerprint_key)
            table = FingerprintTable(clients.dynamodb, deployed.fingerprint_table)
            return open_detectors(key, tuple(table.load()))
        except Exception as error:  # noqa: BLE001  (whatever it is, the scan goes on without)
            gaps.append(Gap(f"managed secrets of stage {config.stage}", explain(error)))
    return open_detectors(finding_key())
