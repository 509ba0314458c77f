"""
Which eighth bytes of a text begin a known window.

A blocked Bloom filter dismisses all but a thousandth of them: one 64-bit word of a table that
stays in a core's cache is compared with four bits. A binary search among all windows does the rest.
https://doi.org/10.1007/978-3-540-72845-0_9 (Putze, Sanders, Singler)
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

import numpy as np

from wickie.fingerprints import STRIDE, WindowHash

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Words = NDArray[np.uint64]

_BLOCK_WORDS: Final = 1 << 16
"""Words looked at together: what is computed of them stays in a core's cache."""
_BITS: Final = 4
"""Set in a word of the filter for each window."""
_EACH: Final = 4
"""Windows, of which a word of the filter holds so many on average."""
_FEWEST: Final = 12
"""Of the bits of a hash that choose the word; as many others choose the bits in it."""
_CHOICES: Final = np.uint64((1 << _FEWEST) - 1)


class KnownWindows:
    """Finds windows by their hashes. Called by several threads at once."""

    def __init__(self, hashed: WindowHash, windows: NDArray[np.uint32]) -> None:
        """
        Make the filter.

        Args:
            hashed: What windows were hashed with.
            windows: Their hashes, sorted.
        """
        self._hash = hashed
        self._windows = windows
        bits = max(_FEWEST, (len(windows) // _EACH).bit_length())
        self._shift = np.uint64(64 - bits)
        self._masks = _masks()
        self._filter = np.zeros(1 << bits, np.uint64)
        masks = self._masks[windows.astype(np.uint64) & _CHOICES]
        np.bitwise_or.at(self._filter, windows >> np.uint32(32 - bits), masks)
        self._scratch = threading.local()

    def within(self, text: bytes) -> Iterator[tuple[int, int]]:
        """Every eighth position of `text` that begins with a known window, and its hash."""
        words = np.frombuffer(text, "<u8", count=len(text) // STRIDE)
        for begin in range(0, len(words), _BLOCK_WORDS):
            block = words[begin : begin + _BLOCK_WORDS]
            for index, window in self._known(block):
                yield (begin + index) * STRIDE, window

    def _known(self, block: Words) -> Iterator[tuple[int, int]]:
        mixed, spare, found, wanted = (buffer[: len(block)] for buffer in self._buffers())
        self._mix(block, mixed, spare)
        np.right_shift(mixed, self._shift, out=spare)
        # Every index is in range; "wrap" is numpy's quickest way not to check that.
        self._filter.take(spare.view(np.int64), mode="wrap", out=found)
        np.right_shift(mixed, np.uint64(32), out=mixed)
        np.bitwise_and(mixed, _CHOICES, out=spare)
        self._masks.take(spare.view(np.int64), mode="wrap", out=wanted)
        np.bitwise_and(found, wanted, out=found)
        (kept,) = np.nonzero(found == wanted)
        windows = mixed[kept].astype(np.uint32)
        nearest = np.searchsorted(self._windows, windows)
        nearest[nearest == len(self._windows)] = 0
        known = self._windows[nearest] == windows
        return zip(kept[known].tolist(), windows[known].tolist(), strict=True)

    def _mix(self, block: Words, mixed: Words, spare: Words) -> None:
        """`WindowHash` of every word, in the upper half of `mixed`."""
        np.bitwise_xor(block, np.uint64(self._hash.whiten), out=mixed)
        np.multiply(mixed, np.uint64(self._hash.first), out=mixed)
        np.right_shift(mixed, np.uint64(32), out=spare)
        np.bitwise_xor(mixed, spare, out=mixed)
        np.multiply(mixed, np.uint64(self._hash.second), out=mixed)

    def _buffers(self) -> tuple[Words, ...]:
        """Memory of this thread's own to compute in."""
        if not hasattr(self._scratch, "buffers"):
            self._scratch.buffers = tuple(np.empty((4, _BLOCK_WORDS), np.uint64))
        buffers: tuple[Words, ...] = self._scratch.buffers
        return buffers


def _masks() -> Words:
    """Words with few bits set, the same at every start."""
    places = np.random.default_rng(1).random((1 << _FEWEST, 64)).argsort(axis=1)[:, :_BITS]
    masks: Words = np.bitwise_or.reduce(np.uint64(1) << places.astype(np.uint64), axis=1)
    return masks
