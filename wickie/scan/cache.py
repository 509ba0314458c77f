"""
What earlier scans said of artifacts that have not changed since.

An entry rests on the artifact's name and version and on the versions of all detectors. Stages of
managed secrets are not in it: they are looked up anew, because rotation moves them while the text
stays. Nor are verdicts: where issuers are asked, what holds a credential of theirs is read again,
for what was dead may be live, and no plaintext is kept to ask with. The whole is sealed with the
findings' key: who could write it could hide a leak.
"""

from __future__ import annotations

import hmac
import json
import logging
import struct
import zlib
from array import array
from bisect import bisect_left
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, Protocol

from botocore.exceptions import ClientError

from wickie.model import Finding, Location, ManagedVersion, Severity, Stage, to_jsonable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mypy_boto3_s3 import S3Client

    from wickie.scan.chunk import Artifact, Detector

PERMISSIONS: Final = ("s3:GetObject", "s3:PutObject")

PREFIX: Final = "cache/scan/"
"""Of the keys in the results bucket."""

_log = logging.getLogger(__name__)

_READING: Final = "3"
"""To be raised when artifacts are read in another way, or findings say more than they did."""
_SEAL_SIZE: Final = 32
_COUNT: Final = struct.Struct("<Q")


class Cache(Protocol):
    """What is known of artifacts by their versions."""

    def recall(self, artifact: Artifact) -> Sequence[Finding] | None:
        """Return what was found in it, or None if it has to be read."""

    def learn(self, artifact: Artifact, findings: Sequence[Finding]) -> None:
        """Keep what was found in it."""


class _NoCache:
    def recall(self, artifact: Artifact) -> None:
        """Know nothing."""

    def learn(self, artifact: Artifact, findings: Sequence[Finding]) -> None:
        """Keep nothing."""


NO_CACHE: Final[Cache] = _NoCache()


class ScanCache:
    """Entries of eight bytes for what is clean; only what was met in this scan is written again."""

    def __init__(
        self,
        detectors: Sequence[Detector],
        key: bytes,
        stored: bytes = b"",
        is_stale: Callable[[Finding], bool] | None = None,
    ) -> None:
        """
        Take up what was stored, if it was by who holds `key`.

        Args:
            detectors: Those of this scan.
            key: What findings are named with.
            stored: What `dump` returned.
            is_stale: Of a finding, whether the artifact it is in has to be read again; none has.
        """
        self._is_stale = is_stale
        self._key = key
        self._detectors = detectors
        self._rules = blake2b(key=key, person=b"wickie cached", digest_size=8)
        for part in (_READING, *(detector.version for detector in detectors)):
            self._rules.update(len(part).to_bytes(4, "little") + part.encode())
        self._clean, self._found = self._opened(stored)
        self._met, self._met_found = array("Q"), dict[str, list[Any]]()

    def recall(self, artifact: Artifact) -> Sequence[Finding] | None:
        """See `Cache`."""
        entry = self._entry(artifact)
        if (found := self._found.get(str(entry))) is not None:
            revised = [finding for each in found if (finding := self._revised(_finding(each)))]
            if self._is_stale and any(map(self._is_stale, revised)):
                return None
            self._met_found[str(entry)] = found
            return revised
        # numpy would let go of the interpreter's lock, and get it back too late.
        at = bisect_left(self._clean, entry)
        if at < len(self._clean) and self._clean[at] == entry:
            self._met.append(entry)
            return ()
        return None

    def learn(self, artifact: Artifact, findings: Sequence[Finding]) -> None:
        """See `Cache`."""
        entry = self._entry(artifact)
        if findings:
            self._met_found[str(entry)] = to_jsonable(list(findings))
        else:
            self._met.append(entry)

    def take_over(self, stored: bytes) -> None:
        """Count all that another scan stored as met in this one, such as one of another shard."""
        clean, found = self._opened(stored)
        self._met.extend(clean)
        self._met_found |= found

    def dump(self) -> bytes:
        """Write what this scan met; what is gone from the sources is forgotten."""
        import numpy as np  # noqa: PLC0415  (slow; stacks ask this module for permissions alone)

        clean = np.unique(np.array(self._met, np.uint64)).astype("<u8").tobytes()
        found = zlib.compress(json.dumps(self._met_found).encode())
        content = _COUNT.pack(len(clean)) + clean + found
        return self._seal(content) + content

    def _opened(self, stored: bytes) -> tuple[array[int], dict[str, list[Any]]]:
        import numpy as np  # noqa: PLC0415

        if not stored:
            return array("Q"), {}
        seal, content = stored[:_SEAL_SIZE], stored[_SEAL_SIZE:]
        if not hmac.compare_digest(seal, self._seal(content)):
            _log.warning("the scan cache was not written with this key; everything is read anew")
            return array("Q"), {}
        (size,) = _COUNT.unpack_from(content)
        end = _COUNT.size + size
        found = json.loads(zlib.decompress(content[end:]))
        clean = array(
            "Q", np.frombuffer(content[_COUNT.size : end], "<u8").astype(np.uint64).tobytes()
        )
        return clean, found

    def _seal(self, content: bytes) -> bytes:
        return blake2b(content, key=self._key, person=b"wickie cache", digest_size=32).digest()

    def _entry(self, artifact: Artifact) -> int:
        digest = self._rules.copy()
        lengths = f"{len(artifact.source)} {len(artifact.uri)} "
        named = f"{lengths}{artifact.source}{artifact.uri}{artifact.version}"
        digest.update(named.encode(errors="replace"))
        return int.from_bytes(digest.digest(), "little")

    def _revised(self, finding: Finding) -> Finding | None:
        """What the detectors would say of it today."""
        for detector in self._detectors:
            revised = detector.revised(finding)
            if revised is not finding:
                return revised
        return finding


def load(s3: S3Client, bucket: str, name: str) -> bytes:
    """Read what `save` stored under `name`; nothing if there is none."""
    try:
        return s3.get_object(Bucket=bucket, Key=_object(name))["Body"].read()
    except ClientError as error:
        # Without s3:ListBucket, S3 says AccessDenied of what does not exist.
        _log.info("no scan cache of %s: %s", name, error.response["Error"].get("Code"))
        return b""


def save(s3: S3Client, bucket: str, name: str, content: bytes) -> None:
    """Store what `ScanCache.dump` returned."""
    s3.put_object(Bucket=bucket, Key=_object(name), Body=content)


def _object(name: str) -> str:
    return f"{PREFIX}{blake2b(name.encode(), digest_size=16).hexdigest()}"


def _finding(stored: dict[str, Any]) -> Finding:
    managed = stored["managed"]
    return Finding(
        id=stored["id"],
        rule_id=stored["rule_id"],
        title=stored["title"],
        severity=Severity(stored["severity"]),
        location=Location(**stored["location"]),
        source=stored["source"],
        value_key=stored["value_key"],
        managed=managed and ManagedVersion(**managed | {"stage": Stage(managed["stage"])}),
    )
