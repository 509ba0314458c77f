"""What tests of `wickie scan` plant, and how they read what it wrote."""

from __future__ import annotations

import json
import secrets
import string
from pathlib import Path
from typing import Any

from typer.testing import Result

CONFIG = "stage: prod\nscan: {targets: [{kind: directory, path: code}]}\n"
ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:shop/orders-AbCdEf"


def leak(code: Path, value: str, *, line: int = 1) -> None:
    (code / "settings.py").write_text("\n" * (line - 1) + f'STRIPE_KEY = "{value}"\n')


def access_key() -> tuple[str, str]:
    """Id and secret key of nobody's."""
    base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    key_id = "".join(secrets.choice(base32) for _ in range(16))
    return f"AKIA{key_id}", "".join(secrets.choice(string.ascii_letters) for _ in range(40))


def scanned(done: Result) -> dict[str, Any]:
    """What `--format json` wrote of the scan."""
    found: dict[str, Any] = json.loads(done.stdout)["scan"]
    return found
