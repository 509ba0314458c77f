"""The Prefect API that this process is a client of, as a place to scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.settings import get_current_settings

from wickie.https import authorization
from wickie.scan.sources.prefect import PrefectApi

if TYPE_CHECKING:
    from pydantic import SecretStr


def prefect_api() -> PrefectApi | None:
    """Take address and key from Prefect's own settings; None where none is set."""
    api = get_current_settings().api
    if not api.url:
        return None
    header = authorization(_revealed(api.key), _revealed(api.auth_string))
    return PrefectApi(api.url.rstrip("/"), header, api.ssl_cert_file or None)


def _revealed(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None
