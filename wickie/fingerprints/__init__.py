"""
How a managed secret is recognised by who does not hold it: keyed prints of its encodings.

A print holds hashes of the first eight 8-byte windows of an encoded value, so that whoever looks
at every eighth byte of a text only must come upon one of them, and a digest of the whole, which
settles it. Someone with the prints and the working key should be assumed to learn a value's first
15 bytes: only long random values are published. See docs/security-model.md.
"""

from __future__ import annotations

from wickie.fingerprints.encodings import FEWEST_CHARACTERS, encodings, publishable
from wickie.fingerprints.prints import STRIDE, Fingerprint, WindowHash, digest, entries, working_key
from wickie.fingerprints.table import (
    PUBLISH_PERMISSIONS,
    RECOGNISE_PERMISSIONS,
    FingerprintTable,
)

__all__ = [
    "FEWEST_CHARACTERS",
    "PUBLISH_PERMISSIONS",
    "RECOGNISE_PERMISSIONS",
    "STRIDE",
    "Fingerprint",
    "FingerprintTable",
    "WindowHash",
    "digest",
    "encodings",
    "entries",
    "publishable",
    "working_key",
]
