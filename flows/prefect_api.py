"""The Prefect API that this process is a client of, as a place to scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prefect.settings import get_current_settings

from wickie.https import authorization
from wickie.scan.sources.prefect import reading_from

if TYPE_CHECKING:
    from pydantic import SecretStr

    from wickie.prefect import PrefectServer


def prefect_api() -> PrefectServer | None:
    """Take address and key from Prefect's own settings; None where none is set."""
    api = get_current_settings().api
    if not api.url:
        return None
    header = authorization(_revealed(api.key), _revealed(api.auth_string))
    return reading_from(api.url.rstrip("/"), header, api.ssl_cert_file or None)


def _revealed(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None
