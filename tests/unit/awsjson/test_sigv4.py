"""Signatures are those that botocore computes."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from unittest.mock import patch

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from wickie.awsjson.sigv4 import Keys, Scope, signed

NAMES = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=20).map(
    "X-".__add__
)
VALUES = st.text(string.ascii_letters + 8 * " " + ',;=:"', max_size=40)
WORDS = st.text(string.ascii_letters + string.digits + "/+=", min_size=1, max_size=60)


@given(
    headers=st.dictionaries(NAMES, VALUES, max_size=4),
    body=st.binary(max_size=200),
    scope=st.builds(
        Scope,
        st.sampled_from(["us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1"]),
        st.sampled_from(["secretsmanager", "dynamodb", "kms"]),
    ),
    key=st.tuples(WORDS, WORDS, st.none() | WORDS),
    now=st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_a_signature_is_botocores(headers, body, scope, key, now):
    unique = {name.lower(): (name, text) for name, text in headers.items()}
    unique.pop("x-amzn-trace-id", None)  # botocore leaves it out, and we do not send it
    sent = {"Host": "localhost:4566", "X-Amz-Target": "A.B"} | dict(unique.values())
    request = AWSRequest("POST", "http://localhost:4566/", sent, body)
    with patch("botocore.auth.get_current_datetime", lambda: now):
        SigV4Auth(Credentials(*key), scope.service, scope.region).add_auth(request)
    ours = signed(sent, body, Keys(*key), scope, now)
    assert ours["Authorization"] == request.headers["Authorization"]
    assert ours == dict(request.headers.items())


def test_the_secret_key_is_in_nothing_that_is_shown():
    keys = Keys("AKIA", "a-secret-key", "a-session-token")
    assert repr(keys) == "Keys(key_id='AKIA')"
    sent = signed({"Host": "h"}, b"", keys, Scope("r", "s"), datetime.now(UTC))
    assert "a-secret-key" not in str(sent)
