"""What a step of rotation costs in a new process and in a warm one, and what is uploaded."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from moto.secretsmanager.models import secretsmanager_backends

from local.postgres import Postgres
from local.server import LocalAws
from local.world import ACCOUNT, REGION
from stacks.packaging import archive, build
from wickie.rotation.driver import Step

if TYPE_CHECKING:
    from collections.abc import Iterator

TITLE: Final = "Rotation: one step, single user, real PostgreSQL over TLS"
_COLD_RUNS: Final = 5
_WARM_RUNS: Final = 10
_TABLE: Final = "fingerprints"

# What Lambda does: import when an environment starts, then answer one event after the other.
_FUNCTION: Final = """
import json, sys
sys.dont_write_bytecode = True  # as in Lambda, where the code's folder is read-only
sys.path.insert(0, sys.argv[1])
from lambdas.rotate import lambda_handler

class Context:
    def get_remaining_time_in_millis(self):
        return 60_000

for line in sys.stdin:
    lambda_handler(json.loads(line), Context())
    print(flush=True)
"""


def table() -> list[dict[str, Any]]:
    """Measure: one row for each step, and the size of the zip."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        LocalAws() as aws,
        Postgres(aws.world.processes) as postgres,
    ):
        folder = build("postgres", Path(scratch))
        size = f"{len(archive(folder)) / 1000:.0f} kB"
        bench = _Bench(aws, postgres, folder)
        cold = [next(bench.rotation())[1] for _ in range(_COLD_RUNS)]
        warm = bench.warm()
    rows = [{"step": "new process, import and createSecret", "median": _ms(cold)}]
    rows += [{"step": f"{step.value}, warm", "median": _ms(warm[step])} for step in Step]
    return [*rows, {"step": "zip with driver, without boto3", "median": size}]


def _ms(seconds: list[float]) -> str:
    return f"{statistics.median(seconds) * 1000:.0f} ms"


class _Bench:
    def __init__(self, aws: LocalAws, postgres: Postgres, folder: Path) -> None:
        self._folder = folder
        made = {n: aws.world.client(n) for n in ("secretsmanager", "dynamodb", "kms")}
        self._secrets = made["secretsmanager"]
        self._secret = self._secrets.create_secret(
            Name="bench", SecretString=postgres.admin.to_secret_string()
        )["ARN"]
        made["dynamodb"].create_table(
            TableName=_TABLE,
            KeySchema=[
                {"AttributeName": "secret", "KeyType": "HASH"},
                {"AttributeName": "version", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "secret", "AttributeType": "S"},
                {"AttributeName": "version", "AttributeType": "S"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        key = made["kms"].create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
        self._variables = aws.environment() | {
            "WICKIE_ENGINE": "postgres",
            "WICKIE_STRATEGY": "single-user",
            "WICKIE_FINGERPRINT_TABLE": _TABLE,
            "WICKIE_FINGERPRINT_KEY": key["KeyMetadata"]["KeyId"],
        }

    def rotation(self, times: int = 1) -> Iterator[tuple[Step, float]]:
        """Rotate in one new process; each step and its seconds, the first with the start-up."""
        began = time.perf_counter()
        with subprocess.Popen(
            [sys.executable, "-c", _FUNCTION, str(self._folder)],
            env=self._variables,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as function:
            assert function.stdin is not None  # noqa: S101  (for the type checker)
            assert function.stdout is not None  # noqa: S101
            for _ in range(times):
                token = self._begin()
                for step in Step:
                    event = {"Step": step, "SecretId": self._secret, "ClientRequestToken": token}
                    function.stdin.write(json.dumps(event) + "\n")
                    function.stdin.flush()
                    if not function.stdout.readline():
                        raise RuntimeError(f"{step.value} failed")
                    yield step, time.perf_counter() - began
                    began = time.perf_counter()
            function.stdin.close()

    def warm(self) -> dict[Step, list[float]]:
        """Seconds of each step in a process that has done them all once before."""
        found: dict[Step, list[float]] = {step: [] for step in Step}
        for index, (step, seconds) in enumerate(self.rotation(_WARM_RUNS + 1)):
            if index >= len(Step):
                found[step].append(seconds)
        return found

    def _begin(self) -> str:
        """Stage an empty AWSPENDING version, as RotateSecret does first."""
        token = str(uuid.uuid4())
        secret = secretsmanager_backends[ACCOUNT][REGION].secrets[self._secret]
        for version in secret.versions.values():
            labels = [label for label in version["version_stages"] if label != "AWSPENDING"]
            version["version_stages"] = labels
        staged = {"createdate": 0, "version_id": token, "version_stages": ["AWSPENDING"]}
        secret.versions[token] = staged
        return token


if __name__ == "__main__":
    for row in table():
        print(f"{row['step']:<40} {row['median']:>8}")
