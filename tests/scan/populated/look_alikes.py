"""Settings that look like credentials and are none."""

from __future__ import annotations

import base64
import string
import uuid
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from tests.scan.plants import Setting

_HERE: Final = "us-east-1:123456789012"


def hexadecimal(draw: Random, length: int) -> str:
    return f"{draw.getrandbits(4 * length):0{length}x}"


def in_base64(draw: Random, size: int) -> str:
    return base64.b64encode(draw.randbytes(size)).decode()


def identifier(draw: Random) -> str:
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


def _suffix(draw: Random) -> str:
    return "".join(draw.choices(string.ascii_letters + string.digits, k=6))


_MADE: Final[Sequence[tuple[str, Callable[[Random], str]]]] = (
    ("DB_PASSWORD", lambda d: f"arn:aws:secretsmanager:{_HERE}:secret:shop/db-{_suffix(d)}"),
    ("DB_PASSWORD", lambda _: "{{resolve:secretsmanager:shop/db:SecretString:password}}"),
    ("DB_PASSWORD", lambda _: "${DB_PASSWORD}"),
    ("DB_PASSWORD", lambda _: "changeme"),
    ("DB_PASSWORD", lambda _: "<your-password>"),
    ("SMTP_PASSWORD", lambda _: "********"),
    ("ADMIN_PASSWORD", lambda _: "ssm:/shop/admin/password2"),
    ("DB_PASSWORD_FILE", lambda _: "/run/secrets/db_password_2"),
    ("PASSWORD_MIN_LENGTH", lambda d: str(d.randrange(8, 64))),
    ("PASSWORD_POLICY", lambda _: "length-12-upper-lower-digit"),
    ("API_KEY", lambda _: "YOUR_API_KEY_GOES_HERE_1"),
    ("API_KEY_ID", identifier),
    ("API_TOKEN", identifier),
    ("CLIENT_SECRET", lambda d: f"arn:aws:ssm:{_HERE}:parameter/shop/client{d.randrange(9)}"),
    ("SECRET_NAME", lambda d: f"shop/production/db-{d.randrange(99)}"),
    ("SECRET_VERSION", identifier),
    ("TOKEN_URL", lambda _: "https://login.shop.internal/oauth2/v2.0/token"),
    ("TOKEN_TTL_SECONDS", lambda d: str(d.randrange(60, 86_400))),
    ("DATABASE_URL", lambda d: f"postgresql://db-{d.randrange(9)}.internal:5432/shop"),
    ("DATABASE_URL", lambda _: "postgresql://app:${DB_PASSWORD}@db.internal:5432/shop"),
    ("IMAGE_DIGEST", lambda d: f"sha256:{hexadecimal(d, 64)}"),
    ("GIT_COMMIT", lambda d: hexadecimal(d, 40)),
    ("BUILD_ID", identifier),
    ("ETAG", lambda d: f'"{hexadecimal(d, 32)}"'),
    ("CACHE_KEY", lambda d: f"v3-linux-{hexadecimal(d, 64)}"),
    ("INTEGRITY", lambda d: f"sha512-{in_base64(d, 64)}"),
    ("KMS_KEY_ID", lambda d: f"arn:aws:kms:{_HERE}:key/{identifier(d)}"),
    ("LOGO", lambda d: f"data:image/png;base64,iVBORw0KGgo{in_base64(d, 900)}"),
    (
        "PUBLIC_KEY",
        lambda d: f"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{in_base64(d, 32)[:43]} app@ci",
    ),
    ("TRACE_HEADER", lambda d: f"Root=1-{hexadecimal(d, 8)}-{hexadecimal(d, 24)};Sampled=1"),
    ("BUCKET", lambda d: f"shop-assets-{d.randrange(10**12):012}-us-east-1"),
    ("QUEUE_URL", lambda _: "https://sqs.us-east-1.amazonaws.com/123456789012/orders"),
    ("USER_POOL_ID", lambda d: f"us-east-1_{_suffix(d)}{_suffix(d)[:3]}"),
    ("LOG_LEVEL", lambda d: d.choice(("debug", "info", "warning"))),
)


def look_alike(draw: Random) -> Setting:
    """Draw one."""
    label, made = draw.choice(_MADE)
    return Setting(label, made(draw))
