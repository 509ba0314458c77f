"""Log groups of CloudWatch."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final

from botocore.exceptions import BotoCoreError, ClientError

from wickie.model import Gap
from wickie.scan.chunk import Artifact, Chunk, chunked
from wickie.scan.sources.reading import reading, refused
from wickie.scan.sources.window import since

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mypy_boto3_logs.type_defs import LogGroupTypeDef, LogStreamTypeDef

    from wickie.aws import Clients

PERMISSIONS: Final = ("logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:GetLogEvents")

_HOURS: Final = 24


def open_logs(options: Mapping[str, Any], clients: Clients) -> Logs:
    """Open the log groups whose name starts with `prefix`."""
    hours = options.get("hours", _HOURS)
    client = clients.service("logs")
    return Logs(client, options.get("prefix", ""), hours, options.get("sample"))


@dataclass(frozen=True)
class Logs:
    """
    Events of the last hours, stream by stream.

    A stream that got none since the last scan is not read again. In every stream of a group, a
    value is the same finding: a function opens new streams all day.
    """

    kind: ClassVar[str] = "cloudwatch-logs"

    client: Any = field(repr=False)
    prefix: str = ""
    hours: int = _HOURS
    sample: int | None = None
    """How many events at either end of a stream's are read; None for all."""

    @property
    def uri(self) -> str:
        """See `Source`."""
        return f"{self.kind}:{self.prefix}*"

    def artifacts(self) -> Iterator[Artifact | Gap]:
        """See `Source`."""
        wanted = {"logGroupNamePrefix": self.prefix} if self.prefix else {}
        with reading(self.uri, PERMISSIONS):
            for page in self.client.get_paginator("describe_log_groups").paginate(**wanted):
                for group in page["logGroups"]:
                    yield from self._group(group)

    def _group(self, group: LogGroupTypeDef) -> Iterator[Artifact | Gap]:
        start = int(since(self.hours).timestamp() * 1000)
        pages = self.client.get_paginator("describe_log_streams").paginate(
            logGroupName=group["logGroupName"], orderBy="LastEventTime", descending=True
        )
        try:
            for page in pages:
                for stream in page["logStreams"]:
                    if stream.get("lastEventTimestamp", 0) < start:
                        return
                    yield self._stream(group, stream, start)
        except (BotoCoreError, ClientError) as error:
            yield Gap(group["arn"], refused(error))

    def _stream(self, group: LogGroupTypeDef, stream: LogStreamTypeDef, start: int) -> Artifact:
        id_ = group["arn"].removesuffix(":*")
        uri = f"{id_}:log-stream:{stream['logStreamName']}"
        # What else was asked for would have been read of the same stream otherwise.
        asked = f"{self.hours} {self.sample}"
        told = f"{stream['lastEventTimestamp']} {stream.get('lastIngestionTime')}"
        where = {"logGroupName": group["logGroupName"], "logStreamName": stream["logStreamName"]}
        read = partial(self._read, where, start, uri, id_)
        return Artifact(uri, id_, self.kind, read, f"{told} {asked}", ahead=True)

    def _read(
        self, where: Mapping[str, str], start: int, uri: str, id_: str
    ) -> Iterator[Chunk | Gap]:
        events = self._sampled(where, start) if self.sample else self._all(where, start)
        try:
            yield from chunked(_Lines(events), uri, id_, self.kind)
        except (BotoCoreError, ClientError) as error:
            yield Gap(uri, refused(error))

    def _all(self, where: Mapping[str, str], start: int) -> Iterator[str]:
        token: dict[str, str] = {}
        end = int(datetime.now(UTC).timestamp() * 1000)  # events go on coming
        while True:
            reply = self.client.get_log_events(
                **where, startTime=start, endTime=end, startFromHead=True, **token
            )
            yield from (event.get("message", "") for event in reply["events"])
            # At the end it is the token that was given.
            if token == (token := {"nextToken": reply["nextForwardToken"]}):
                return

    def _sampled(self, where: Mapping[str, str], start: int) -> Iterator[str]:
        for head in (True, False):
            reply = self.client.get_log_events(
                **where, startTime=start, startFromHead=head, limit=self.sample
            )
            yield from (event.get("message", "") for event in reply["events"])


@dataclass
class _Lines:
    """Events as a stream of lines."""

    events: Iterator[str]
    held: bytes = b""

    def read(self, size: int, /) -> bytes:
        parts, length = [self.held], len(self.held)
        while length < size and (event := next(self.events, None)) is not None:
            parts.append(f"{event}\n".encode(errors="replace"))
            length += len(parts[-1])
        whole = b"".join(parts)
        part, self.held = whole[:size], whole[size:]
        return part
