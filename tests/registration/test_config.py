"""`prefect` in wickie.yaml: what may stand there, and the secret that it brings along."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.registration.conftest import configured
from wickie.config import Config


def test_without_it_nothing_is_registered_and_no_secret_added() -> None:
    config = Config(stage="x")
    assert (config.prefect, config.pusher, config.secrets) == (None, None, ())
    assert configured().pusher is None


def test_who_pushes_has_a_key_that_wickie_rotates_into_prefects_block() -> None:
    config = configured(backend="cloud-push", api_key_secret="prefect/key")
    assert config.secrets == (config.pusher,)
    assert config.secret("wickie/x/pusher") is config.pusher
    assert config.pusher is not None
    assert (config.pusher.engine, config.pusher.strategy) == ("iam-access-key", "dual-key")
    assert config.pusher.options == {"user": "wickie-x-pusher"}
    again = Config(stage="x", prefect=config.prefect, secrets=config.secrets)
    assert [secret.name for secret in again.secrets] == ["wickie/x/pusher"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"backend": "cloud-push"}, "Prefect Cloud needs api_key_secret"),
        ({"api_key_secret": "a", "auth_string_secret": "b"}, "not both"),
        ({"api_url": "http://prefect.example.com/api"}, "write an https:// URL"),
        ({"api_url": "https://me:secret@prefect.example.com/api"}, "a URL holds no user"),
        ({"backend": "docker"}, "cloud-push"),
        ({"notify": "oncall"}, "notify"),
        ({"apikey": "x"}, "apikey"),
    ],
    ids=["no key", "two keys", "plain http", "password in URL", "backend", "notify", "unknown"],
)
def test_what_would_not_work_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        configured(**given)
