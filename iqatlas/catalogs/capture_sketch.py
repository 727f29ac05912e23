"""Sketches of captures: hashes that two captures share if they differ by next to nothing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Complex64, Float64, UInt64

_PROJECTIONS = 16
_STEP = 0.05
"""Width of a cell of the grid, in standard deviations of a projection.

Independent captures share a cell with probability 0.05 / √(4π) a projection: 2e-30 for all of them.
"""
_GRIDS = 3


@dataclass(frozen=True, eq=False)
class CaptureSketch:
    """Which cell of a grid a capture of unit energy falls into, seen from random directions.

    Captures whose difference is δ of their norm fall into different cells with a probability of some
    16 · 0.8 δ / 0.05, of all grids together its cube: one in 60,000 at 80 dB below, one in 60 at 60 dB.

    Args:
        directions: Random directions, as real ones.
        offsets: Where each grid begins, in cells.
        multipliers: Odd random numbers that make a hash of the cells.
    """

    directions: Float64[np.ndarray, "part projection"]
    offsets: Float64[np.ndarray, "grid projection"]
    multipliers: UInt64[np.ndarray, " projection"]

    @classmethod
    def drawn(cls, samples: int, *, rng: np.random.Generator) -> CaptureSketch:
        """Return a sketch of captures of some length.

        Args:
            samples: Samples of a capture.
            rng: Source of the directions.
        """
        return cls(
            rng.standard_normal((2 * samples, _PROJECTIONS)),
            rng.random((_GRIDS, _PROJECTIONS)),
            rng.integers(0, 1 << 63, size=_PROJECTIONS, dtype=np.uint64) * np.uint64(2) + np.uint64(1),
        )

    @property
    def grids(self) -> int:
        """Hashes of a capture."""
        return len(self.offsets)

    def of(self, captures: Complex64[np.ndarray, "row sample"]) -> UInt64[np.ndarray, "grid row"]:
        """Return the hashes of captures, 0 for one of zeros alone, or of what is no number.

        Args:
            captures: The captures.
        """
        parts = np.ascontiguousarray(captures).view(np.float32).astype(np.float64)
        norm = np.sqrt(np.square(parts).sum(axis=1))
        some = np.isfinite(norm) & (norm > 0)
        parts /= np.where(some, norm, 1)[:, None]
        parts[~some] = 0
        seen = (parts @ self.directions) / _STEP
        cells = np.floor(seen + self.offsets[:, None]).astype(np.int64).view(np.uint64)
        mixed = cells ^ (cells << np.uint64(29))
        hashes = (mixed * self.multipliers).sum(axis=-1, dtype=np.uint64)
        hashes ^= hashes >> np.uint64(31)
        return np.where(some, np.maximum(hashes, np.uint64(1)), np.uint64(0))
