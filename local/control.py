"""What a test or a demo may tell the local AWS: `/local/clock` reads and moves its time."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.world import World

    Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def route(world: World, aws: Wsgi) -> Wsgi:
    """Answer `/local/…` here and leave every other path to `aws`."""

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if world.stopping.is_set():  # a client may hold a connection that outlives this world
            return _answer(start, "503 Service Unavailable", {"message": "the local AWS stops"})
        if environ.get("PATH_INFO") != "/local/clock":
            return aws(environ, start)
        try:
            return _answer(start, "200 OK", _clock(world, environ))
        except (ValueError, TypeError, KeyError):
            message = 'move the clock with POST {"advance": seconds}, forward only'
            return _answer(start, "400 Bad Request", {"message": message})

    return application


def _clock(world: World, environ: dict[str, Any]) -> dict[str, float]:
    if environ["REQUEST_METHOD"] == "POST":
        length = int(environ.get("CONTENT_LENGTH") or 0)
        seconds = float(json.loads(environ["wsgi.input"].read(length))["advance"])
        if seconds < 0:
            raise ValueError(seconds)
        world.clock.advance(seconds)
    return {"now": world.clock.now()}


def _answer(start: Callable[..., Any], status: str, body: object) -> Iterable[bytes]:
    start(status, [("Content-Type", "application/json")])
    return [json.dumps(body).encode()]
