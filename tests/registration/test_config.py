"""`prefect` in wickie.yaml: what may stand there, and the secret that it brings along."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tests.registration.conftest import configured
from wickie.config import Config, Prefect

REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
YOURS: dict[str, Any] = {
    "vpc_id": "vpc-01234567",
    "subnets": ["subnet-01234567", "subnet-89abcdef"],
    "security_groups": ["sg-01234567"],
}


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


def own(network: dict[str, Any], **server: Any) -> Config:
    """A stage whose server wickie deploys."""
    prefect = {"backend": "self-hosted", "server": server}
    image = f"{REGISTRY}/wickie@sha256:{'0' * 64}"
    given = {"stage": "x", "prefect": prefect, "network": network, "image": image}
    return Config.model_validate(given)


def test_a_server_of_its_own_brings_its_address_and_two_secrets_along() -> None:
    config = own(YOURS)
    assert config.prefect is not None
    assert config.prefect.api_url == "http://prefect.wickie-x.internal:4200/api"
    assert config.prefect.keys == ("wickie/x/prefect-auth",)
    assert config.pusher is None
    (database,) = config.secrets
    assert (database.name, database.engine) == ("wickie/x/prefect-database", "postgres")
    assert database.declared() == [
        {"kind": "ecs-service", "cluster": "wickie-x-prefect", "service": "server"}
    ]


@pytest.mark.parametrize(
    ("network", "image", "said"),
    [
        ({}, "", "public-egress functions are in none"),
        ({"mode": "private-endpoints"}, "prefecthq/prefect:3", "only ECR can be pulled from"),
        ({**YOURS, "subnets": YOURS["subnets"][:1]}, "", "subnets in two zones"),
        ({**YOURS, "security_groups": ["sg-01234567"] * 5}, "", "4 at most"),
    ],
    ids=["no network of functions", "image that cannot be pulled", "one zone", "groups"],
)
def test_a_network_where_it_would_not_work_is_refused(
    network: dict[str, Any], image: str, said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        own(network, **({"image": image} if image else {}))


def test_in_a_network_that_reaches_aws_alone_it_is_allowed_and_no_other_prefect_is() -> None:
    alone = {"mode": "private-endpoints"}
    assert own(alone, image=f"{REGISTRY}/prefect@sha256:{'0' * 64}").prefect
    elsewhere = {"backend": "self-hosted", "api_url": "https://prefect.example.com/api"}
    image = f"{REGISTRY}/wickie@sha256:{'0' * 64}"
    given = {"stage": "x", "prefect": elsewhere, "network": alone, "image": image}
    with pytest.raises(ValidationError, match="no Prefect elsewhere; let wickie deploy it"):
        Config.model_validate(given)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"server": {}, "auth_string_secret": "a"}, "without api_url and secrets"),
        ({"server": {}, "backend": "cloud-push", "api_key_secret": "a"}, "of backend self-hosted"),
        ({}, "give api_url, or with self-hosted a server"),
    ],
    ids=["a secret for it", "a cloud and a server", "none"],
)
def test_a_server_is_either_wickies_or_somewhere(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Prefect.model_validate({"backend": "self-hosted", **given})


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"server": {}}, "without api_url and secrets"),
        ({"backend": "cloud-push"}, "Prefect Cloud needs api_key_secret"),
        ({"api_key_secret": "a", "auth_string_secret": "b"}, "not both"),
        ({"api_url": "http://prefect.example.com/api"}, "write an https:// URL"),
        ({"api_url": "https://me:secret@prefect.example.com/api"}, "a URL holds no user"),
        ({"backend": "docker"}, "cloud-push"),
        ({"notify": "oncall"}, "notify"),
        ({"apikey": "x"}, "apikey"),
    ],
    ids=[
        "two servers",
        "no key",
        "two keys",
        "plain http",
        "password in URL",
        "backend",
        "notify",
        "unknown",
    ],
)
def test_what_would_not_work_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        configured(**given)
