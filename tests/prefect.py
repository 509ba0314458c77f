"""A Prefect server on paper."""

from __future__ import annotations

import json
from typing import Any


class Prefect:
    """A server with one deployment, which makes one run for each idempotency key."""

    def __init__(self, place: str) -> None:
        self.url = f"http://{place}/api"
        self.runs: dict[str, dict[str, Any]] = {}
        self.authorizations: set[str] = set()
        self.states: list[dict[str, str]] = []
        """Of a run, one after the other; the last stays."""
        self.up = True
        self.losing = self.lost = 0
        """Answers to a start that get lost on their way."""

    def answer(self, request: Any) -> tuple[int, dict[str, str], bytes]:
        self.authorizations.add(request.headers.get("Authorization", ""))
        if not self.up:
            return 503, {}, b""
        if request.path == "/api/deployments/name/rotate/test":
            return 200, {}, b'{"id": "d1"}'
        if request.path == "/api/deployments/d1/create_flow_run":
            body = json.loads(request.body)
            key = body.get("idempotency_key", f"run-{len(self.runs)}")
            self.runs.setdefault(key, body)
            if self.lost < self.losing:
                self.lost += 1
                return 504, {}, b""
            return 201, {}, json.dumps({"id": key, "name": "brave-run"}).encode()
        if request.path.startswith("/api/flow_runs/"):
            state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
            return 200, {}, json.dumps({"state": state}).encode()
        return 404, {}, b"{}"
