"""`wickie scan`: read what was named, say what was found, change nothing."""

from __future__ import annotations

import getpass
import uuid
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from wickie.aws import Clients
from wickie.cli.failures import explain, warn
from wickie.cli.findingkey import finding_key
from wickie.cli.progress import scanning
from wickie.cli.writing import write
from wickie.config import Config, load_config
from wickie.config.targets import Verify
from wickie.deployment import Deployment
from wickie.errors import ConfigError, NothingScannedError
from wickie.model import Gap
from wickie.report import Report, render_json, render_sarif
from wickie.report.terminal import print_report
from wickie.scan import engine
from wickie.scan.detectors import open_detectors
from wickie.scan.eyes import Eyes
from wickie.scan.places import openings
from wickie.scan.sources.directory import Directory
from wickie.scan.sources.git import Repository, is_repository
from wickie.scan.suppression import read_baseline, write_baseline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from wickie.model import ScanResult
    from wickie.prefect import PrefectServer
    from wickie.scan.chunk import Source
    from wickie.scan.suppression import Baseline

Output = Literal["table", "json", "sarif"]

_RENDERERS: Final[Mapping[str, Callable[[Report], str]]] = {
    "json": render_json,
    "sarif": render_sarif,
}
_DEFAULT_CONFIG: Final = Path("wickie.yaml")
_NO_STAGE: Final = "none"


@dataclass(frozen=True)
class Wishes:
    """What a scan goes by beside its configuration."""

    baseline: Path | None = None
    baseline_out: Path | None = None
    """Where to write down what is found, so that none of it counts."""
    verify: bool = False
    """Whether issuers are asked, even if wickie.yaml does not say so."""


def run(
    paths: Sequence[Path],
    config_path: Path | None,
    output: Output,
    file: Path | None,
    wishes: Wishes,
) -> int:
    """Scan and write the result; return the exit code."""
    for target in filter(None, (file, wishes.baseline_out)):
        if not (where := target.parent).is_dir():
            raise ConfigError(f"cannot write {target}: there is no directory {where}; create it")
    config = _config(paths, config_path, wishes)
    going_by = config or Config(stage=_NO_STAGE)
    verify = going_by.scan.verification or (Verify() if wishes.verify else None)
    gaps: list[Gap] = []
    with scanning(show=output == "table") as watch:
        eyes = _eyes(config, verify, gaps)
        suppressions = going_by.suppressions(eyes.key, wishes.baseline)
        sources = list(_local(paths) if paths else _targets(config, gaps))
        for gap in gaps:
            warn(f"not scanned: {gap.uri}: {gap.reason}")
        result = engine.scan(
            sources,
            eyes.detectors,
            run_id=uuid.uuid4().hex,
            verification=eyes.verification,
            watch=watch,
        )
    if not result.artifacts:
        named = ", ".join(source.uri for source in sources)
        raise NothingScannedError(f"{named}: there is nothing to read; correct what is scanned")
    for gap in result.gaps:
        warn(f"not scanned: {gap.uri}: {gap.reason}")
    notices = (*eyes.notices, *going_by.unprinted(eyes.honeytokens))
    result = replace(result, gaps=(*gaps, *result.gaps), notices=notices)
    if wishes.baseline_out:
        known = _written(wishes.baseline_out, result, eyes.key)
        suppressions = replace(suppressions, baselines=(known,))
    result = suppressions.apply(result, result.finished.date())
    for notice in result.notices:
        warn(notice)
    report = Report(going_by.stage, result)
    render = _RENDERERS.get(output)
    write(render and partial(render, report), partial(print_report, report), file)
    return report.exit_code()


def _config(paths: Sequence[Path], path: Path | None, wishes: Wishes) -> Config | None:
    if not paths and path is None:
        path = _DEFAULT_CONFIG
    config = load_config(path) if path else None
    if config and not paths and not config.scan.targets:
        raise ConfigError(f"{path} names nothing to scan; add scan.targets, or name a PATH")
    if wishes.verify and not config:
        raise ConfigError(
            "--verify might use one of your own honeytokens, which the fingerprints of a stage "
            "alone tell from a leak; name its wickie.yaml with --config"
        )
    return config


def _written(path: Path, result: ScanResult, key: bytes) -> Baseline:
    today = result.finished.date()
    try:
        owner = getpass.getuser()
    except (KeyError, OSError):  # a container's user need not have a name
        owner = "unknown"
    path.write_text(write_baseline(result.findings, owner, today, key))
    return read_baseline(path, key)


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


def _prefect() -> PrefectServer | None:
    try:
        from flows.prefect_api import prefect_api  # noqa: PLC0415  (slow; few scan Prefect)
    except ModuleNotFoundError:
        return None
    return prefect_api()


def _eyes(config: Config | None, verify: Verify | None, gaps: list[Gap]) -> Eyes:
    """Without the stage's fingerprints the rest is still looked for, and the lack is a gap."""
    if config:
        try:
            clients = Clients()
            return Eyes.of(clients, Deployment.load(clients.ssm, config.stage), verify)
        except Exception as error:  # noqa: BLE001  (whatever it is, the scan goes on without)
            unasked = ", and nothing is verified" if verify else ""
            gaps.append(Gap(f"managed secrets of stage {config.stage}{unasked}", explain(error)))
    key = finding_key()
    return Eyes(key, open_detectors(key))
