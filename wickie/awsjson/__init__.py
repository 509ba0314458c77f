"""
The AWS services that a rotation asks, without botocore: half of a cold step was its import.

Those services speak JSON: an operation's name in `X-Amz-Target`, its parameters in the body. A
client answers to botocore's method names, with botocore's replies; retries are its standard mode's.
"""

from __future__ import annotations

import base64
import http.client
import json
import random
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

from wickie.awsjson.connections import Connections
from wickie.awsjson.endpoints import ca_bundle_of, endpoint, region_of
from wickie.awsjson.errors import RefusedError, UnansweredError
from wickie.awsjson.sigv4 import Keys, Scope, signed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    _Failure = RefusedError | UnansweredError

_ATTEMPTS: Final = 3
_OK: Final = 200
# https://github.com/boto/botocore/blob/develop/botocore/retries/standard.py
_STATUSES: Final = frozenset({500, 502, 503, 504})
_CODES: Final = frozenset(
    {
        "RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete", "Throttling",
        "ThrottlingException", "ThrottledException", "RequestThrottledException",
        "TooManyRequestsException", "ProvisionedThroughputExceededException",
        "TransactionInProgressException", "RequestLimitExceeded", "BandwidthLimitExceeded",
        "LimitExceededException", "RequestThrottled", "SlowDown", "EC2ThrottledException",
    }
)  # fmt: skip


@dataclass(frozen=True)
class Api:
    """What one service's JSON says beyond strings and numbers, of the operations asked here."""

    target: str
    version: str
    binary: frozenset[str]
    idempotent: frozenset[str] = frozenset()
    """Operations that want a token of the caller's, lest a repetition be done twice."""


APIS: Final = {
    "secretsmanager": Api(
        "secretsmanager",
        "1.1",
        frozenset({"SecretBinary"}),
        frozenset({"CreateSecret", "PutSecretValue", "RotateSecret", "UpdateSecret"}),
    ),
    "dynamodb": Api(
        "DynamoDB_20120810", "1.0", frozenset({"B"}), frozenset({"TransactWriteItems"})
    ),
    "kms": Api("TrentService", "1.1", frozenset({"Mac"})),
}


class _Exceptions:
    """A class for each code that AWS may refuse with, as a botocore client has them."""

    def __getattr__(self, code: str) -> type[RefusedError]:
        return _refusal(code)


@cache
def _refusal(code: str) -> type[RefusedError]:
    return type(code, (RefusedError,), {})


@dataclass(eq=False)
class JsonClient:
    """A client of one service."""

    scope: Scope
    connections: Connections = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    """Asked for the keys at every attempt: they change."""
    exceptions: Any = field(default=_Exceptions(), repr=False)

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        if name.startswith("_"):
            raise AttributeError(name)
        operation = "".join(word.capitalize() for word in name.split("_"))
        return lambda **parameters: self.call(operation, parameters)

    def call(self, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """
        Carry out one operation.

        Raises:
            RefusedError: AWS said no; of the class that `exceptions` has for its code.
            UnansweredError: it said nothing, or nothing that can be read.
        """
        if operation in APIS[self.scope.service].idempotent:
            parameters = {"ClientRequestToken": secrets.token_hex(16), **parameters}
        body = json.dumps(parameters, default=_in_base64).encode()
        pauses = (random.random() * 2**tried for tried in range(_ATTEMPTS - 1))  # noqa: S311
        while True:
            found = self._attempt(operation, body)
            if isinstance(found, dict):
                return found
            if not _passing(found) or (pause := next(pauses, None)) is None:
                raise found
            time.sleep(pause)

    def _attempt(self, operation: str, body: bytes) -> dict[str, Any] | _Failure:
        api, keys = APIS[self.scope.service], Keys.of(self.environment)
        if keys is None:
            return UnansweredError("the environment has no keys any more")
        headers = {
            "Host": self.connections.host,
            "User-Agent": "wickie",
            "Content-Type": f"application/x-amz-json-{api.version}",
            "X-Amz-Target": f"{api.target}.{operation}",
        }
        now = datetime.now(UTC)
        try:
            answer = self.connections.post(signed(headers, body, keys, self.scope, now), body)
            found = json.loads(answer.body, object_hook=partial(_read, api)) if answer.body else {}
        except (OSError, http.client.HTTPException) as error:
            return self._unanswered(operation, error)
        except ValueError as error:
            if answer.status == _OK:
                return self._unanswered(operation, error)
            found = {}  # what stands between us and AWS speaks no JSON
        told = {"HTTPStatusCode": answer.status, "RequestId": answer.request_id}
        if answer.status == _OK:
            return {**found, "ResponseMetadata": told}
        return _refused(operation, found, told)

    def _unanswered(self, operation: str, error: Exception) -> UnansweredError:
        """The type alone: what the other side said instead of an answer is not ours to show."""
        return UnansweredError(
            f"{self.scope.service} at {self.connections.host} did not answer {operation} "
            f"({type(error).__name__})"
        )


def open_client(service: str, environment: Mapping[str, str]) -> JsonClient | None:
    """Make a client; None where only botocore knows how to reach the service, or as whom."""
    url, region = endpoint(service, environment), region_of(environment)
    if not (url and region and Keys.of(environment)):
        return None
    connections = Connections(url, ca_bundle_of(environment))
    return JsonClient(Scope(region, service), connections, environment)


def _passing(failure: _Failure) -> bool:
    """Whether another attempt may do better."""
    if isinstance(failure, UnansweredError):
        return True
    status = failure.response["ResponseMetadata"]["HTTPStatusCode"]
    return status in _STATUSES or failure.response["Error"]["Code"] in _CODES


def _refused(operation: str, found: Mapping[str, Any], told: Mapping[str, Any]) -> RefusedError:
    # "ResourceNotFoundException", or with a namespace before it, or a URL after it
    code = found.get("__type", str(told["HTTPStatusCode"])).partition(":")[0].rpartition("#")[2]
    text = found.get("message") or found.get("Message") or ""
    error = {"Error": {"Message": text, "Code": code}, "ResponseMetadata": told}
    members = {name: found[name] for name in found if name != "__type"}
    return _refusal(code)(members | error, operation)


def _in_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _read(api: Api, members: dict[str, Any]) -> dict[str, Any]:
    """Read one JSON object as botocore does: bytes, moments, and nothing for null."""
    return {n: _member(api, n, value) for n, value in members.items() if value is not None}


def _member(api: Api, name: str, value: Any) -> Any:
    if name in api.binary and isinstance(value, str):
        return base64.b64decode(value)
    if name.endswith("Date") and isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return value
