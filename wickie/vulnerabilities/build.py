"""
By which digest a build is known, whether a scanner or a service of AWS speaks of it.

A build is an image or a package of code; its name here is `sha256:` and 64 hexadecimal digits.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Final

_HEX: Final = re.compile(r"(?:sha256:)?([0-9a-f]{64})")
_BY_DIGEST: Final = re.compile(r"@(sha256:[0-9a-f]{64})$")


def build_of_image(reference: str) -> str | None:
    """The build that an image's reference names; None where it goes by a tag, which may move."""
    found = _BY_DIGEST.search(reference)
    return found[1] if found else None


def build_of_code(code_sha256: str) -> str | None:
    """The build of a Lambda function by its CodeSha256: Base64 of a zip's, the digest of images."""
    if found := _HEX.fullmatch(code_sha256):
        return f"sha256:{found[1]}"
    try:
        return f"sha256:{base64.b64decode(code_sha256, validate=True).hex()}"
    except (binascii.Error, ValueError):
        return None
