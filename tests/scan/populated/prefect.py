"""What a Prefect server answers to who lists it; tests/flows has the real one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from tests.scan.plants import Setting

_NOW: Final = datetime.now(UTC).isoformat()

Records = dict[str, list[dict[str, Any]]]


def _variable(number: int, setting: Setting) -> tuple[Records, str]:
    name = f"v{number}_{setting.label.lower()}"
    record = {"name": name, "value": setting.text, "updated": _NOW}
    return {"variables": [record]}, f"variables/{name}#{name}"


def _deployment(number: int, setting: Setting) -> tuple[Records, str]:
    given = {"parameters": {setting.label: setting.text}, "job_variables": {"image": "shop:1"}}
    record = {"id": f"d{number}", "name": "nightly", "updated": _NOW, **given}
    return {"deployments": [record]}, f"deployments/nightly/d{number}#parameters/{setting.label}"


def _run(number: int) -> dict[str, Any]:
    about = {"id": f"r{number}", "flow_id": f"f{number}", "state_type": "COMPLETED"}
    return {**about, "updated": _NOW, "parameters": {}, "job_variables": {}, "context": {}}


def _parameter(number: int, setting: Setting) -> tuple[Records, str]:
    run = _run(number) | {"parameters": {setting.label: setting.text}}
    return {"flow_runs": [run]}, f"flow-runs/r{number}#parameters/{setting.label}"


def _log(number: int, setting: Setting) -> tuple[Records, str]:
    message = f"starting with {setting.label}={setting.text}"
    log = {"flow_run_id": f"r{number}", "timestamp": _NOW, "message": message}
    records = {"flow_runs": [_run(number)], "logs": [log]}
    return records, f"flow-runs/r{number}/logs#{_NOW}"


def _artifact(number: int, setting: Setting) -> tuple[Records, str]:
    data = f"# set up\n{setting.label}={setting.text}\n"
    record = {"id": f"a{number}", "key": "report", "updated": _NOW, "data": data}
    return {"artifacts": [record]}, f"artifacts/report/a{number}#data"


_PLACES: Final = (_variable, _deployment, _parameter, _log, _artifact)


def records(settings: Sequence[Setting]) -> tuple[Records, list[str]]:
    """Put each setting into one record; tell where each lies, below the server's address."""
    kept: Records = {}
    places = []
    for number, setting in enumerate(settings):
        made, where = _PLACES[number % len(_PLACES)](number, setting)
        for what, some in made.items():
            kept.setdefault(what, []).extend(some)
        places.append(where)
    return kept, places


@contextmanager
def serving(kept: Records) -> Iterator[str]:
    """Answer for what is kept, page by page, until the end of the block; yields the address."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            reply = json.dumps(_page(kept, self.path.split("/")[2], asked)).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/api"
    finally:
        server.shutdown()
        server.server_close()


def _page(kept: Records, what: str, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = kept.get(what, [])
    if what == "logs":
        runs = asked["logs"]["flow_run_id"]["any_"]
        found = [log for log in found if log["flow_run_id"] in runs]
    return found[asked["offset"] : asked["offset"] + asked["limit"]]
