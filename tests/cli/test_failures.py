from __future__ import annotations

import botocore.exceptions as aws
import pytest

from wickie.cli.failures import explain
from wickie.errors import ConfigError


def refused(code: str, message: str = "no") -> aws.ClientError:
    return aws.ClientError({"Error": {"Code": code, "Message": message}}, "DescribeSecret")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ConfigError("wickie.yaml is empty;\nstart over"), "wickie.yaml is empty; start over"),
        (aws.NoCredentialsError(), "set AWS_PROFILE"),
        (aws.NoRegionError(), "set AWS_REGION"),
        (aws.ProfileNotFound(profile="x"), "correct AWS_PROFILE"),
        (aws.EndpointConnectionError(endpoint_url="http://localhost:1"), "http://localhost:1"),
        (aws.ReadTimeoutError(endpoint_url="http://localhost:1"), "check network"),
        (refused("ExpiredToken"), "sign in"),
        (refused("AccessDeniedException", "User x may not y"), "User x may not y; grant it"),
        (refused("Throttling", "slow\ndown"), "DescribeSecret: Throttling: slow down"),
        (PermissionError(13, "Permission denied", "out.json"), "out.json: Permission denied"),
    ],
)
def test_every_failure_is_one_line_with_its_remedy(error: Exception, told: str) -> None:
    line = explain(error)
    assert told in line
    assert "\n" not in line


def test_the_text_of_an_unknown_error_is_not_shown_for_it_may_quote_a_value() -> None:
    line = explain(ValueError("could not parse hunter2"))
    assert "hunter2" not in line
    assert "ValueError" in line
    assert "--verbose" in line
