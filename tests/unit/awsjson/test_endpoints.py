"""A service is where botocore says; what only botocore understands is left to it."""

from __future__ import annotations

import pytest
from botocore.session import Session

from wickie.awsjson import APIS, open_client
from wickie.awsjson.endpoints import endpoint

KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"}
LAMBDA = KEYS | {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_SESSION_TOKEN": "t"}


@pytest.mark.parametrize("service", APIS)
def test_every_region_of_the_public_partitions_and_of_china_is_where_botocore_says(service):
    resolver = Session().get_component("endpoint_resolver")
    for partition in ("aws", "aws-us-gov", "aws-cn"):
        regions = resolver.get_available_endpoints(service, partition)
        assert regions
        for region in (name for name in regions if "fips" not in name and name != "local"):
            theirs = resolver.construct_endpoint(service, region)["hostname"]
            assert endpoint(service, {"AWS_DEFAULT_REGION": region}) == f"https://{theirs}"


@pytest.mark.parametrize(
    "region", ["us-iso-east-1", "us-isob-east-1", "eusc-de-east-1", "local", ""]
)
def test_other_partitions_are_left_to_botocore(region):
    assert endpoint("kms", {"AWS_DEFAULT_REGION": region}) is None


@pytest.mark.parametrize(
    "more",
    [
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_PROFILE": "dev"},
        {"HTTPS_PROXY": "http://proxy:3128"},
        {"https_proxy": "http://proxy:3128"},
        {"AWS_ENDPOINT_URL": "http://elsewhere:4566"},
        {"AWS_ENDPOINT_URL": "https://elsewhere/path"},
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_DEFAULT_REGION": ""},
    ],
)
def test_what_else_an_environment_may_ask_for_is_left_to_botocore(more):
    assert open_client("kms", LAMBDA | more) is None
    assert open_client("kms", LAMBDA)


def test_an_endpoint_of_the_service_goes_before_one_of_all():
    told = LAMBDA | {
        "AWS_ENDPOINT_URL": "https://all.example",
        "AWS_ENDPOINT_URL_SECRETS_MANAGER": "https://vpce.example",
    }
    assert endpoint("secretsmanager", told) == "https://vpce.example"
    assert endpoint("kms", told) == "https://all.example"
    here = LAMBDA | {"AWS_ENDPOINT_URL": "http://localhost:1", "HTTP_PROXY": "http://proxy:3128"}
    assert endpoint("kms", here) == "http://localhost:1"
