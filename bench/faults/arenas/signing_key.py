"""A consumer of signing keys, which honours those that a secret's labels name."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import ssl
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from moto.secretsmanager.models import secretsmanager_backends

from local.world import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from local.certificates import Certificates

LABELS = frozenset({"AWSPENDING", "AWSCURRENT", "AWSPREVIOUS"})
"""What a consumer accepts; it signs by AWSCURRENT."""


@dataclass
class Consumer:
    """A service that reads its keys anew whenever it is asked about one, unless told not to."""

    read: Callable[[str], Sequence[str]] = field(repr=False)
    """The values that carry a label now, of the secret with this key among them."""
    rereads: bool = True
    fail: list[int] = field(default_factory=list)
    """Statuses to answer with instead, one request each."""
    seen: list[dict[str, Any]] = field(default_factory=list)
    """Claims of the challenges that it was shown."""
    url: str = ""
    keys: dict[str, bytes] = field(default_factory=dict, repr=False)

    def refresh(self, kid: str) -> None:
        """Read the secret."""
        documents = [json.loads(value) for value in self.read(kid)]
        self.keys = {one["kid"]: _bytes(one["k"]) for one in documents}

    def accepts(self, token: str) -> bool:
        """Whether a key that it knows has signed this token, as RFC 7515 §5.2 has it."""
        text, _, signature = token.rpartition(".")
        header, claims = (json.loads(_bytes(part)) for part in text.split("."))
        if self.rereads:
            self.refresh(header["kid"])
        self.seen.append({**header, **claims})
        key = self.keys.get(header["kid"])
        if key is None or claims["exp"] < time.time():
            return False
        digest = hmac.digest(key, text.encode(), header["alg"].replace("HS", "sha"))
        return hmac.compare_digest(digest, _bytes(signature))


class SigningKeyArena:
    """One consumer of all secrets that were ever given a key of `secret`, and of no other."""

    def __init__(self) -> None:
        self._given: set[tuple[str, str]] = set()
        self.consumer = Consumer(self._read)

    @property
    def options(self) -> Mapping[str, str]:
        """See `Arena`."""
        return {"verify": self.consumer.url}

    def secret(self) -> str:
        """See `Arena`."""
        kid, k = secrets.token_hex(8), secrets.token_urlsafe(32)
        self._given.add((kid, k))
        return json.dumps({"kty": "oct", "alg": "HS256", "kid": kid, "k": k})

    def honours(self, value: str) -> bool:
        """See `Arena`. The key is compared: what signs is wickie's own, and is not asked here."""
        key = json.loads(value)
        found = [json.loads(other) for other in self._read(key["kid"])]
        return any((key["kid"], key["k"]) == (one["kid"], one["k"]) for one in found)

    def _read(self, kid: str) -> list[str]:
        """Seen from the inside of moto: the consumer's calls are not the rotation's."""
        for secret in list(secretsmanager_backends[ACCOUNT][REGION].secrets.values()):
            versions = [v for v in list(secret.versions.values()) if "secret_string" in v]
            texts = [v["secret_string"] for v in versions]
            if any(kid in text for text in texts) and any(map(self._knows, texts)):
                return [v["secret_string"] for v in versions if LABELS & set(v["version_stages"])]
        return []

    def _knows(self, text: str) -> bool:
        key = json.loads(text)
        return (key.get("kid"), key.get("k")) in self._given


@contextmanager
def serving(consumer: Consumer, tls: Certificates | None = None) -> Iterator[Consumer]:
    """Put a consumer on loopback: 204 for what it accepts, 401 for what it does not."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            token = self.rfile.read(int(self.headers["Content-Length"])).decode()
            status = consumer.fail.pop(0) if consumer.fail else None
            self.send_response(status or (204 if consumer.accepts(token) else 401))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = _context(tls).wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        where = "https://localhost" if tls else "http://127.0.0.1"
        consumer.url = f"{where}:{server.server_port}/keys/verify"
        yield consumer
        server.shutdown()


@contextmanager
def consumer() -> Iterator[SigningKeyArena]:
    """Over plain HTTP on loopback: a handshake for each question would take most of the time."""
    arena = SigningKeyArena()
    with serving(arena.consumer):
        yield arena


def _context(tls: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as scratch:
        both = Path(scratch, "both.pem")
        both.write_text(tls.key_pem + tls.certificate_pem)
        context.load_cert_chain(both)
    return context


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
