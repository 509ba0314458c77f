"""
The shop: a service that logs in twenty times a second with the secret its task was given.

ECS puts the secret into `SHOP_DB` when the task starts and never again, which is how most
services read theirs, and why a rotation is not over before its dependents are refreshed.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import sys
import threading
import time
from typing import Final

import pg8000.native

PERIOD: Final = 0.05
REPORT_EVERY: Final = 1.0


def main() -> None:
    """Log in until told to stop; once a second print how many logins were tried and refused."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    secret = json.loads(os.environ.pop("SHOP_DB"))
    if not _login(secret):
        sys.exit("the secret this task was given is refused")  # so that its deployment fails
    attempted, refused = 1, 0
    reported = due = time.monotonic()
    while not stop.is_set():
        attempted += 1
        refused += not _login(secret)
        if time.monotonic() - reported >= REPORT_EVERY:
            _report(attempted, refused)
            attempted = refused = 0
            reported = time.monotonic()
        due += PERIOD
        stop.wait(max(0.0, due - time.monotonic()))
    _report(attempted, refused)


def _login(secret: dict[str, str]) -> bool:
    authority = secret.get("sslrootcert")
    try:
        pg8000.native.Connection(
            secret["username"],
            host=secret["host"],
            port=int(secret["port"]),
            password=secret["password"],
            database=secret["dbname"],
            timeout=5,
            ssl_context=ssl.create_default_context(cadata=authority) if authority else False,
        ).close()
    except (pg8000.native.Error, OSError) as error:
        code = error.args[0].get("C") if isinstance(error.args[0], dict) else type(error).__name__
        print(json.dumps({"refused": secret["username"], "code": code}), flush=True)  # noqa: T201
        return False
    return True


def _report(attempted: int, refused: int) -> None:
    print(json.dumps({"attempted": attempted, "refused": refused}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
