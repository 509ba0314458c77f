"""Rotation functions in processes of their own, as in Lambda, and the secret that they rotate."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any, Final, Self

from moto.secretsmanager.models import secretsmanager_backends

from bench.faults.aws import TABLE, make_fingerprint_store
from local.secret_versions import stage_pending
from local.world import ACCOUNT, REGION
from wickie.rotation.driver import Step

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.server import LocalAws

# What Lambda does: import when an environment starts, then answer one event after the other.
_PROGRAM: Final = """
import importlib, json, sys
sys.dont_write_bytecode = True  # as in Lambda, where the code's folder is read-only
sys.path.insert(0, sys.argv[1])
handler = importlib.import_module(sys.argv[2]).lambda_handler

class Context:
    def get_remaining_time_in_millis(self):
        return 60_000

for line in sys.stdin:
    handler(json.loads(line), Context())
    print("done", flush=True)
"""


class Function:
    """The `lambda_handler` of a module in a folder; its process runs while the `with` does."""

    def __init__(self, folder: Path, module: str, environment: Mapping[str, str]) -> None:
        self._command = [sys.executable, "-c", _PROGRAM, str(folder), module]
        self._environment = environment

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.communicate()

    def carry_out(self, step: Step, secret: str, token: str) -> None:
        """Send one step and wait for its end; what it raises is on stderr."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101  (for the type checker)
        assert stdout is not None  # noqa: S101
        event = {"Step": step, "SecretId": secret, "ClientRequestToken": token}
        stdin.write(json.dumps(event) + "\n")
        stdin.flush()
        for line in stdout:  # metrics come this way too
            if line == "done\n":
                return
        raise RuntimeError(f"{step} failed")


class Account:
    """A secret in a local AWS, which plays Secrets Manager's part by hand."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        made = {name: aws.world.client(name) for name in ("secretsmanager", "dynamodb", "kms")}
        self._secrets_manager = made["secretsmanager"]
        self.fingerprint_key = make_fingerprint_store(made["dynamodb"], made["kms"])

    def store(self, value: str) -> str:
        """Make a secret that rotates; return its ARN."""
        name = f"s-{uuid.uuid4()}"
        arn: str = self._secrets_manager.create_secret(Name=name, SecretString=value)["ARN"]
        secret = self._secret(arn)
        secret.rotation_enabled, secret.rotation_rules = True, {"AutomaticallyAfterDays": 30}
        return arn

    def read(self, arn: str) -> str:
        """What a client reads as AWSCURRENT."""
        value: str = self._secrets_manager.get_secret_value(SecretId=arn)["SecretString"]
        return value

    def begin(self, arn: str) -> str:
        """Stage an empty AWSPENDING version, as RotateSecret does first; return its id."""
        return stage_pending(self._secret(arn), str(uuid.uuid4()))

    def rotate(self, arn: str, function: Function) -> None:
        """Have a function carry out the four steps."""
        token = self.begin(arn)
        for step in Step:
            function.carry_out(step, arn, token)

    def wickie(self, folder: Path, strategy: str) -> Function:
        """Wickie's function, as built into a folder."""
        settings = {
            "WICKIE_ENGINE": "postgres",
            "WICKIE_STRATEGY": strategy,
            "WICKIE_FINGERPRINT_TABLE": TABLE,
            "WICKIE_FINGERPRINT_KEY": self.fingerprint_key,
        }
        return Function(folder, "lambdas.rotate", self._aws.environment() | settings)

    def sample(self, folder: Path) -> Function:
        """One of AWS's, as built into a folder."""
        settings = {"SECRETS_MANAGER_ENDPOINT": self._aws.endpoint}
        return Function(folder, "lambda_function", self._aws.environment() | settings)

    @staticmethod
    def _secret(arn: str) -> Any:
        return secretsmanager_backends[ACCOUNT][REGION].secrets[arn]
