"""The local AWS: moto as a server, completed by one module per service."""

from __future__ import annotations

import logging
import socket
import threading
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Self

from moto import settings
from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import BaseWSGIServer, make_server

from local import (
    awslambda,
    cloudformation,
    control,
    ecs,
    event_sources,
    events,
    iam,
    rds,
    s3,
    secretsmanager,
    sqs,
)
from local.world import World, environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

SERVICES = (
    iam,
    rds,
    s3,
    sqs,
    awslambda,
    event_sources,
    secretsmanager,
    events,
    ecs,
    cloudformation,
)
"""Each has `complete(world)`, which makes moto's service behave as AWS documents it."""


class LocalAws:
    """
    An AWS on this machine, for the time of a `with`.

    One per process, for moto's state is global: it is emptied at the start, so that several
    may follow one another. Leaving ends every process that its services have started.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._stack = ExitStack()

    @property
    def endpoint(self) -> str:
        """Where it listens."""
        return self.world.endpoint

    def environment(self) -> dict[str, str]:
        """The variables with which a program finds this AWS and no other."""
        return environment(self.endpoint)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            scratch = stack.enter_context(
                TemporaryDirectory(prefix="local-aws-", ignore_cleanup_errors=True)
            )
            server = _listen(self._port)
            stack.callback(server.server_close)
            self.world = World(f"http://localhost:{server.port}", Path(scratch))
            stack.enter_context(self.world.processes)
            stack.enter_context(self.world)
            _configure_moto(server.port)
            for service in SERVICES:
                service.complete(self.world)
            server.app = control.route(self.world, DomainDispatcherApplication(create_backend_app))
            threading.Thread(target=server.serve_forever, name="local-aws", daemon=True).start()
            stack.callback(server.shutdown)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()


class _RequestHandler(MotoRequestHandler):
    # Head and body of an answer are two writes: Nagle would hold the second back for 40 ms.
    disable_nagle_algorithm = True

    def log_request(self, *args: object, **kwargs: object) -> None:
        """Stay quiet: a container or a function says what matters in its own log."""


def _listen(port: int) -> BaseWSGIServer:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    try:
        listening = socket.create_server(("127.0.0.1", port))
    except OSError:
        raise OSError(f"port {port} is in use: choose another, or 0 for any") from None
    with listening:  # the server takes a duplicate
        return make_server(
            "127.0.0.1",
            port,
            _not_ready,
            threaded=True,
            request_handler=_RequestHandler,
            fd=listening.fileno(),
        )


def _not_ready(_environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("503 Service Unavailable", [])
    return [b""]


def _configure_moto(port: int) -> None:
    moto_api_backend.reset()
    # By these two moto tells a function or a custom resource where the server is.
    moto_settings: Any = settings
    moto_settings.moto_server_host = lambda: "http://localhost"
    moto_settings.moto_server_port = lambda: str(port)
