"""
The generic rule pack: credentials without a form of their own, by what stands around them.

Rules are Kingfisher's, in YAML, each with texts it must and must not find beside it; those of low
confidence are believed only where the value does not look like code, prose or a placeholder.
https://mongodb.github.io/kingfisher/rules/overview
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Final

PREFIX: Final = "wickie."
"""Of the ids of these rules."""
FILES: Final = tuple(sorted(Path(__file__).parent.glob("*.yaml")))
VOCABULARY: Final = Path(__file__).parent / "vocabulary.txt"
"""Words of which placeholders, names and test values are made."""


def digest() -> str:
    """What differs whenever a rule does."""
    content = blake2b(digest_size=8)
    for path in (*FILES, VOCABULARY):
        text = path.read_bytes()
        content.update(len(text).to_bytes(8, "little") + text)
    return content.hexdigest()
