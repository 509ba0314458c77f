"""
Where a service listens, in the circumstances that Lambda gives a function.

Whatever else an environment may ask for (a profile, a proxy, FIPS, dual-stack, an isolated
partition) is botocore's to honour: then there is no endpoint here, and it is asked instead.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_VARIABLES: Final = {
    "secretsmanager": "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "dynamodb": "AWS_ENDPOINT_URL_DYNAMODB",
    "kms": "AWS_ENDPOINT_URL_KMS",
}
_OTHERS: Final = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_MAX_ATTEMPTS",
    "AWS_SECURITY_TOKEN",  # the session token's name of old
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
)
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy")
# https://github.com/boto/botocore/blob/develop/botocore/data/partitions.json
_PARTITIONS: Final = (
    (re.compile(r"(us|eu|ap|sa|ca|me|af|il|mx)-(gov-)?[a-z]+-\d+"), "amazonaws.com"),
    (re.compile(r"cn-[a-z]+-\d+"), "amazonaws.com.cn"),
)


def region_of(environment: Mapping[str, str]) -> str | None:
    """The region, by the variable that botocore reads; Lambda sets it."""
    return environment.get("AWS_DEFAULT_REGION") or None


def ca_bundle_of(environment: Mapping[str, str]) -> str | None:
    """The file of the CAs to trust instead of botocore's own, where one is set."""
    return environment.get("AWS_CA_BUNDLE") or environment.get("REQUESTS_CA_BUNDLE") or None


def endpoint(service: str, environment: Mapping[str, str]) -> str | None:
    """The URL of a service; None where only botocore can tell it, or how it is to be reached."""
    if any(environment.get(name) for name in _OTHERS):
        return None
    region = region_of(environment)
    told = environment.get(_VARIABLES[service]) or environment.get("AWS_ENDPOINT_URL")
    if told:
        return told if region and _plain(told, environment) else None
    if _behind_proxy(environment):
        return None
    for pattern, suffix in _PARTITIONS:
        if region and pattern.fullmatch(region):
            return f"https://{service}.{region}.{suffix}"
    return None


def _plain(url: str, environment: Mapping[str, str]) -> bool:
    """Whether a configured URL is no more than a place: verified TLS, or this machine."""
    parts = urlsplit(url)
    if parts.username or parts.path not in ("", "/") or parts.query or not parts.hostname:
        return False
    if parts.hostname in _LOOPBACK:
        return parts.scheme in ("http", "https")
    return parts.scheme == "https" and not _behind_proxy(environment)


def _behind_proxy(environment: Mapping[str, str]) -> bool:
    return any(environment.get(form) for name in _PROXIES for form in (name, name.upper()))
