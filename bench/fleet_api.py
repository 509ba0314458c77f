"""
Secrets Manager and Lambda as a fleet's rotation asks them, answered as fast as Python can.

A stand-in and not the local AWS, whose own work on these two cores would drown what is measured.
`python -m bench.fleet_api` prints its port.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any, Final

ARN: Final = "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
FUNCTION: Final = "arn:aws:lambda:us-east-1:123456789012:function:rotate"
SECONDS: Final = 0.2
"""A rotation takes these: four steps of a warm function."""

_current: dict[str, str] = {}
_pending: dict[str, tuple[str, float]] = {}
_LIVE: Final = {"verdict": "LIVE", "strategy": "alternating-users", "detail": "", "state": ""}


def _describe(secret: str) -> dict[str, Any]:
    name = secret.removeprefix(ARN).removesuffix("-AbCdEf")
    version = _current.setdefault(name, f"first-{name}")
    labels = {version: ["AWSCURRENT"]}
    if name in _pending:
        token, ends = _pending[name]
        if time.monotonic() >= ends:
            _current[name] = token
            del _pending[name]
            labels = {version: ["AWSPREVIOUS"], token: ["AWSCURRENT"]}
        else:
            labels[token] = ["AWSPENDING"]
    return {
        "ARN": f"{ARN}{name}-AbCdEf",
        "Name": name,
        "RotationEnabled": True,
        "RotationLambdaARN": FUNCTION,
        "VersionIdsToStages": labels,
    }


def _rotate(asked: dict[str, str]) -> dict[str, Any]:
    described = _describe(asked["SecretId"])
    _pending[described["Name"]] = (asked["ClientRequestToken"], time.monotonic() + SECONDS)
    return {"ARN": described["ARN"], "Name": described["Name"]}


def _answer(head: str, body: bytes) -> dict[str, Any]:
    if "/invocations" in head.partition("\r\n")[0]:
        return _LIVE
    asked = json.loads(body)
    return _rotate(asked) if ".RotateSecret" in head else _describe(asked["SecretId"])


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
            return
        length = next(
            int(line.partition(":")[2])
            for line in [*head.lower().split("\r\n"), "content-length: 0"]
            if line.startswith("content-length:")
        )
        body = json.dumps(_answer(head, await reader.readexactly(length))).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        await writer.drain()


async def _main() -> None:
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
