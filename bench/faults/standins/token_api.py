"""HTTP servers that speak the token APIs of four vendors, as their documentation has them."""

from __future__ import annotations

import json
import re
import secrets
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterator

SCOPES = ["api", "read_repository"]


@dataclass
class Vendor(ABC):
    """One vendor's API: who is let in is decided here, from what was issued and revoked."""

    tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By id: `token`, `name` and whatever rights it was given."""
    fail: list[int] = field(default_factory=list)
    """Statuses to answer with, before anything is done, one request each."""
    seen: list[str] = field(default_factory=list)
    url: str = ""

    options: ClassVar[dict[str, str]] = {}
    keys: ClassVar[tuple[str, str]] = ("token", "id")
    more: ClassVar[dict[str, str]] = {}
    refused: ClassVar[int] = 401

    def add(self, name: str, **rights: Any) -> dict[str, Any]:
        id_, token = str(secrets.randbelow(10**9)), secrets.token_urlsafe(32)
        self.tokens[id_] = {"id": id_, "token": token, "name": name, **rights}
        return self.tokens[id_]

    def honours(self, token: str | None) -> bool:
        return any(known["token"] == token for known in self.tokens.values())

    def holder(self, token: str | None) -> dict[str, Any]:
        return next(known for known in self.tokens.values() if known["token"] == token)

    def presented(self, headers: Any) -> str | None:
        return str(headers.get("Authorization", "")).removeprefix("Bearer ") or None

    @abstractmethod
    def route(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        """Answer who was let in: status and body."""

    def secret(self) -> str:
        """A secret's value with a token that works."""
        made = self.add("made by hand", scopes=SCOPES, policies=[{"effect": "allow"}])
        pair = dict(zip(self.keys, (made["token"], made["id"]), strict=True))
        return json.dumps({**pair, **self.more, "team": "lighthouse"})


class GitLab(Vendor):
    options: ClassVar = {"api": "gitlab-project-token", "project": "42"}

    def presented(self, headers: Any) -> str | None:
        return str(headers.get("PRIVATE-TOKEN"))

    def route(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        if (method, path) == ("GET", "/personal_access_tokens/self"):
            return 200, {"scopes": self.holder(token)["scopes"], "active": True}
        if path == "/projects/42/access_tokens" and method == "POST":
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", body["expires_at"])
            made = self.add(body["name"], scopes=body["scopes"])
            return 201, {**made, "id": int(made["id"])}
        if path == "/projects/42/access_tokens":
            shown = self.tokens.values()
            return 200, [{"id": int(t["id"]), "name": t["name"]} for t in shown]
        return _deleted(self, method, path, r"/projects/42/access_tokens/(\d+)")


class Datadog(Vendor):
    options: ClassVar = {"api": "datadog-api-key"}
    keys: ClassVar = ("api_key", "id")
    more: ClassVar = {"application_key": "an-application-key"}
    refused: ClassVar = 403

    def presented(self, headers: Any) -> str | None:
        return str(headers.get("DD-API-KEY"))

    def route(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        del token
        if path == "/v1/validate":
            return 200, {"valid": True}
        if (method, path) == ("POST", "/v2/api_keys"):
            made = self.add(body["data"]["attributes"]["name"])
            attributes = {"key": made["token"], "name": made["name"]}
            return 201, {"data": {"id": made["id"], "attributes": attributes}}
        if path == "/v2/api_keys":
            shown = [
                {"id": t["id"], "attributes": {"name": t["name"]}} for t in self.tokens.values()
            ]
            return 200, {"data": shown}
        return _deleted(self, method, path, r"/v2/api_keys/(\d+)")


class SendGrid(Vendor):
    options: ClassVar = {"api": "sendgrid"}
    keys: ClassVar = ("api_key", "api_key_id")

    def route(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        if path == "/scopes":
            return 200, {"scopes": self.holder(token)["scopes"]}
        if (method, path) == ("POST", "/api_keys"):
            made = self.add(body["name"], scopes=body["scopes"])
            return 201, {"api_key": made["token"], "api_key_id": made["id"]}
        if path == "/api_keys":
            shown = [{"api_key_id": t["id"], "name": t["name"]} for t in self.tokens.values()]
            return 200, {"result": shown}
        return _deleted(self, method, path, r"/api_keys/(\d+)")


class Cloudflare(Vendor):
    options: ClassVar = {"api": "cloudflare-token"}

    def route(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
        if path == "/user/tokens/verify":
            return 200, {"result": {"id": self.holder(token)["id"], "status": "active"}}
        if (method, path) == ("POST", "/user/tokens"):
            made = self.add(body["name"], policies=body["policies"])
            return 200, {"result": {"id": made["id"], "value": made["token"]}}
        if path == "/user/tokens":
            shown = [{"id": t["id"], "name": t["name"]} for t in self.tokens.values()]
            return 200, {"result": shown}
        if method == "GET":
            return 200, {"result": {"policies": self.holder(token)["policies"]}}
        return _deleted(self, method, path, r"/user/tokens/(\d+)")


def _deleted(vendor: Vendor, method: str, path: str, pattern: str) -> tuple[int, Any]:
    match = re.fullmatch(pattern, path)
    if method != "DELETE" or not match:
        return 400, {"error": "no such route"}
    return (204, None) if vendor.tokens.pop(match[1], None) else (404, {"error": "gone"})


@contextmanager
def serving(vendor: Vendor) -> Iterator[Vendor]:
    """Put a vendor on loopback."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path, token = self.path.partition("?")[0], vendor.presented(self.headers)
            vendor.seen.append(f"{self.command} {path}")
            if vendor.fail:
                status, answer = vendor.fail.pop(0), None
            elif not vendor.honours(token):
                status, answer = vendor.refused, {"message": f"bad token {token}"}
            else:
                status, answer = vendor.route(self.command, path, str(token), body)
            text = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            if status in range(300, 400):
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815  (http.server's names)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        vendor.url = f"http://127.0.0.1:{server.server_port}"
        yield vendor
        server.shutdown()
