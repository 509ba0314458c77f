"""Variables, parameters, logs and artifacts of a Prefect server: all of it plain text there."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from wickie.errors import AuthenticationError, ConfigError, ProviderError, SourceError
from wickie.https import place
from wickie.model import Gap
from wickie.prefect import PrefectServer
from wickie.scan.sources.reading import artifact_of
from wickie.scan.sources.window import since

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wickie.scan.chunk import Artifact

_HOURS: Final = 24
_PAGE: Final = 100
_LONGEST: Final = 64 << 20
"""Bytes of a page; parameters of one run may be half a megabyte."""
_SECONDS: Final = 60.0
_OPEN: Final = ("SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING")


def reading_from(url: str, authorization: str = "", ca_bundle: str | None = None) -> PrefectServer:
    """Know a Prefect whose pages may be as large as what people put into it."""
    return PrefectServer(url, authorization, ca_bundle, seconds=_SECONDS, longest=_LONGEST)


def open_prefect(options: Mapping[str, Any], server: PrefectServer | None) -> Prefect:
    """Open the Prefect that wickie runs under."""
    if not isinstance(server, PrefectServer):
        raise ConfigError("no Prefect to scan; set PREFECT_API_URL, and run from a checkout")
    return Prefect(server, options.get("hours", _HOURS))


@dataclass(frozen=True)
class Prefect:
    """All variables and deployments, and what runs of the last hours were given and wrote."""

    kind: ClassVar[str] = "prefect"

    server: PrefectServer
    hours: int = _HOURS

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"prefect:{place(self.server.api_url)}"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        for variable in self._listed("variables"):
            texts = {variable["name"]: variable["value"]}
            yield self._artifact("variables", variable["name"], variable["updated"], texts)
        for deployment in self._listed("deployments"):
            texts = _given(deployment, "parameters", "job_variables", "pull_steps", "description")
            name = f"{deployment['name']}/{deployment['id']}"
            yield self._artifact("deployments", name, deployment["updated"], texts)
        yield from self._runs()
        yield from self._reports()

    def _runs(self) -> Iterator[Artifact | Gap]:
        recent = {
            "operator": "or_",
            "end_time": {"after_": since(self.hours).isoformat()},
            "state": {"type": {"any_": list(_OPEN)}},
        }
        for run in self._listed("flow_runs", flow_runs=recent, sort="ID_DESC"):
            texts = _given(run, "parameters", "job_variables", "context")
            yield self._artifact("flow-runs", run["id"], run["updated"], texts)
            if run["state_type"] != "SCHEDULED":
                over = run["updated"] if run["state_type"] not in _OPEN else ""
                uri = f"{self.uri}/flow-runs/{run['id']}/logs"
                logs = partial(self._logs, run["id"], uri)
                # Runs come and go; the flow is what leaks.
                id_ = f"{self.uri}/flows/{run['flow_id']}/logs"
                yield artifact_of(logs, uri, self.kind, artifact=id_, version=over)

    def _logs(self, run: str, uri: str) -> Iterator[tuple[str, str] | Gap]:
        wanted = {"flow_run_id": {"any_": [run]}}
        try:
            for entry in self._listed("logs", logs=wanted, sort="TIMESTAMP_ASC"):
                yield entry["timestamp"], entry["message"]
        except SourceError as error:
            yield Gap(uri, str(error))

    def _reports(self) -> Iterator[Artifact | Gap]:
        start = since(self.hours).isoformat()
        for report in self._listed("artifacts", sort="UPDATED_DESC"):
            if report["updated"] < start:
                return
            name = f"{report['key'] or 'unnamed'}/{report['id']}"
            texts = _given(report, "data", "description", "metadata_")
            yield self._artifact("artifacts", name, report["updated"], texts)

    def _listed(self, what: str, **asked: Any) -> Iterator[Mapping[str, Any]]:
        """List whatever `what` is filtered to, page by page. `SourceError`."""
        offset = 0
        while page := self._page(f"/{what}/filter", {**asked, "limit": _PAGE, "offset": offset}):
            yield from page
            offset += len(page)
            if len(page) < _PAGE:
                return

    def _page(self, path: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
        try:
            return list(self.server.post(path, asked))
        except AuthenticationError:
            raise SourceError(
                f"{self.server.name} refuses wickie; correct PREFECT_API_KEY"
            ) from None
        except ProviderError as error:
            raise SourceError(f"cannot be read: {error}") from None

    def _artifact(self, what: str, name: str, updated: str, texts: Mapping[str, Any]) -> Artifact:
        parts = [(part, f"{part.rpartition('/')[2]}={_text(v)}") for part, v in texts.items()]
        uri = f"{self.uri}/{what}/{name}"
        return artifact_of(lambda: parts, uri, self.kind, version=updated, at_hand=True)


def _given(record: Mapping[str, Any], *fields: str) -> dict[str, Any]:
    """What people put into these fields, each entry of a mapping by itself."""
    texts: dict[str, Any] = {}
    for name in fields:
        value = record.get(name)
        if isinstance(value, dict):
            texts |= {f"{name}/{key}": entry for key, entry in value.items()}
        elif value:
            texts[name] = value
    return texts


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
