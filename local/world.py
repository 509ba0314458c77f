"""What the services of one local AWS share: address, clock, processes, scratch space."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Self

import boto3
from botocore.config import Config
from botocore.session import Session as BotocoreSession

from local.clock import Clock
from local.processes import Processes
from local.recording import Calls

ACCOUNT = "123456789012"
REGION = "us-east-1"
_PASSED_ON = ("LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "PATH")


_making_a_client = threading.Lock()  # making one is not safe among threads, using one is
_worlds: list[World] = []


def current() -> World:
    """The world that runs now. Patches of moto ask here, for they outlive any one world."""
    return _worlds[-1]


@dataclass(frozen=True)
class World:
    """One local AWS, as its own services and the programs it starts see it."""

    endpoint: str
    """`http://localhost:PORT`, by that name: moto reads a template URL's bucket off the host."""
    scratch: Path
    """Where code is unpacked and containers work; removed when the local AWS stops."""
    clock: Clock = field(default_factory=Clock)
    processes: Processes = field(default_factory=Processes)
    calls: Calls = field(default_factory=Calls)
    """What deployed code has asked for, since the start."""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set when the local AWS begins to stop; threads of services end on it."""

    def __enter__(self) -> Self:
        if _worlds and not current().stopping.is_set():
            raise RuntimeError("one local AWS runs in this process already: moto's state is global")
        _worlds[:] = [self]
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopping.set()
        self.clock.advance(0)  # wakes whoever waits for a moment that will not come

    def timestamp(self) -> str:
        """The clock's time, as events write it."""
        return datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def client(self, service: str, region: str = REGION) -> Any:
        """A boto3 client of this local AWS, acting as the account's root."""
        with _making_a_client:
            return _client(self.endpoint, service, region)

    def child_environment(self, region: str = REGION) -> dict[str, str]:
        """Environment of a program started inside: nothing of the host's but a few basics."""
        passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return passed | environment(self.endpoint, region) | names(self.scratch)


def names(scratch: Path) -> dict[str, str]:
    """The variables with which a program, if it is Python, resolves Cloud Map's names."""
    resolver = str(Path(__file__).parent / "resolver")
    return {"LOCAL_AWS_NAMES": str(scratch / "names"), "PYTHONPATH": resolver}


def environment(endpoint: str, region: str = REGION) -> dict[str, str]:
    """The variables with which any AWS client finds the local AWS and no other."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "localhost,127.0.0.1",
    }


@cache
def _client(endpoint: str, service: str, region: str) -> Any:
    settings = environment(endpoint, region)
    make: Any = _session().client  # its overloads name each service; here the name is a variable
    return make(
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=settings["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=settings["AWS_SECRET_ACCESS_KEY"],
        config=Config(
            retries={"max_attempts": 0},
            s3={"addressing_style": "path"},
            read_timeout=900,
            proxies={},
        ),
    )


@cache
def _session() -> boto3.Session:
    """A session that reads nothing of its user's: a profile named there need not exist here."""
    nothing = (None, None, os.devnull, None)
    ours = {
        "profile": (None, None, None, None),
        "config_file": nothing,
        "credentials_file": nothing,
    }
    return boto3.Session(botocore_session=BotocoreSession(session_vars=ours))
