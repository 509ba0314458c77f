"""
What a person or a test may ask of the local AWS itself.

`/local/clock` reads and moves its time; `/local/calls` lists what deployed code has called.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from local import callers
from local.recording import unread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from local.world import World

    Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def route(world: World, aws: Wsgi) -> Wsgi:
    """Answer `/local/…` here and leave every other path to `aws`."""

    def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if world.stopping.is_set():  # a client may hold a connection that outlives this world
            return _answer(start, "503 Service Unavailable", {"message": "the local AWS stops"})
        path = environ.get("PATH_INFO")
        if path == "/local/calls":
            return _answer(start, "200 OK", world.calls.as_json())
        if path != "/local/clock":
            _record(world, environ)
            return aws(environ, start)
        try:
            return _answer(start, "200 OK", _clock(world, environ))
        except (ValueError, TypeError, KeyError):
            message = 'move the clock with POST {"advance": seconds}, forward only'
            return _answer(start, "400 Bad Request", {"message": message})

    return application


def _record(world: World, environ: dict[str, Any]) -> None:
    """A request that cannot be read is recorded as such, and no reason to refuse it."""
    try:
        found = callers.read(environ)
    except Exception as error:  # noqa: BLE001  (moto's parsers raise whatever they stumble over)
        found = [unread(f"{environ['REQUEST_METHOD']} {environ.get('PATH_INFO')}: {error!r}")]
    world.calls.extend(found)


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
