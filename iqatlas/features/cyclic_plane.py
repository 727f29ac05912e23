"""Which stored value each cell of a cyclic spectrum belongs to, and the cells brought together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Float32, Float64, Int64

from iqatlas.errors import SpecError
from iqatlas.features import fam, ssca
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, FullOutput, Pool, ProfileOutput

_DEFAULT_GRID = (64, 64)
_DEFAULT_PROFILE = 256


def grid_shape(spec: CyclicSpectrumSpec, used: int) -> tuple[int, int]:
    """Return the stored values over frequency (1 for a profile) and over cyclic frequency.

    Args:
        spec: What is stored.
        used: Samples that the spectrum is made of.

    Raises:
        SpecError: More values over cyclic frequency than there are.
    """
    held = 2 * used if spec.conjugate else used
    output = spec.output
    if isinstance(output, FullOutput):
        return spec.frequencies, held
    if isinstance(output, ProfileOutput):
        key, (frequencies, asked) = "size", (1, output.size or min(held, _DEFAULT_PROFILE))
    else:
        default = (min(spec.frequencies, _DEFAULT_GRID[0]), min(held, _DEFAULT_GRID[1]))
        key, (frequencies, asked) = "grid", output.grid or default
    if asked > held:
        needed = 1 << (asked - 1).bit_length() - spec.conjugate
        raise SpecError(
            f"{asked} values over cyclic frequency need spectra of {needed} samples, these are of {used}",
            where=f"features.cyclic_spectrum.output.{key}",
            accepted=f"up to {held} values",
            remedy=f"or set capture.samples to {needed}",
        )
    return frequencies, asked


def cyclic_steps(spec: CyclicSpectrumSpec, used: int) -> Float64[np.ndarray, "cyclic_frequency"]:
    """Return the middle of the cyclic frequencies that each stored value covers, in steps of fs/``used``.

    A value covers the steps from the first that reaches its lower edge to the last below the next one's.
    """
    count, held = grid_shape(spec, used)[1], 2 * used if spec.conjugate else used
    return _middles(count, held) - (used if spec.conjugate else 0)


def frequency_half_channels(spec: CyclicSpectrumSpec, used: int) -> Float64[np.ndarray, "frequency"]:
    """Return the middle of the frequencies that each column covers, in steps of fs/(2 Np)."""
    count, channels = grid_shape(spec, used)[0], spec.channels
    if spec.conjugate:
        return _middles(count, channels)
    return _middles(count, 2 * channels) - channels


def _middles(count: int, steps: int) -> Float64[np.ndarray, "value"]:
    """Return the middle of the whole steps in each of ``count`` equal ranges."""
    edges = -(-np.arange(count + 1) * steps // count)
    return (edges[:-1] + edges[1:] - 1) / 2


@dataclass(frozen=True)
class Pooling:
    """The cells in the order of their stored values.

    Args:
        order: Flat indices of the cells that are stored, those of one value side by side.
        begin: Where the cells of each value begin in ``order``.
        value: The flat index of each value that has cells.
        shape: Stored values over cyclic frequency and frequency.
        of_cell: The value of every cell; one past the last for those left out.
    """

    order: Int64[np.ndarray, "stored"]
    begin: Int64[np.ndarray, "filled"]
    value: Int64[np.ndarray, "filled"]
    shape: tuple[int, int]
    of_cell: Int64[np.ndarray, "cell"]

    def pooled(
        self, magnitudes: Float32[np.ndarray, "row cell"], pool: Pool
    ) -> Float32[np.ndarray, "row filled"]:
        """Return the largest cell of each value that has any, or their mean."""
        sorted_ = magnitudes[:, self.order]
        if pool == "max":
            return np.asarray(np.maximum.reduceat(sorted_, self.begin, axis=-1))
        counts = np.diff(np.append(self.begin, len(self.order)))
        return np.asarray(np.add.reduceat(sorted_, self.begin, axis=-1) / counts.astype(np.float32))


@lru_cache(maxsize=8)
def pooling(spec: CyclicSpectrumSpec, used: int) -> Pooling:
    """Return which cells make which stored value.

    Cells of the plain plane at a negative α are the complex conjugates of those at -α and count there.

    Args:
        spec: The spectrum and what is stored.
        used: Samples that it is made of.

    Raises:
        SpecError: More values are asked for than there are.
    """
    frequencies, cyclic = grid_shape(spec, used)
    half_steps, steps = (
        grid.ravel() for grid in (ssca if spec.method == "ssca" else fam).cell_steps(spec, used)
    )
    if spec.conjugate:
        column = np.abs(half_steps) * frequencies // used
        row = (steps + used) * cyclic // (2 * used)
        left_out = np.zeros(len(steps), bool)
    else:
        column = (half_steps + used) * frequencies // (2 * used)
        row = np.abs(steps) * cyclic // used
        # A pair of a channel with itself holds each |α| twice.
        left_out = (steps < 0) & (spec.method == "fam")
    # The outermost half channel of the conjugate plane reaches beyond the band.
    flat = np.clip(row, 0, cyclic - 1) * frequencies + np.clip(column, 0, frequencies - 1)
    flat[left_out] = frequencies * cyclic
    order = np.argsort(flat, kind="stable")[: len(flat) - int(left_out.sum())]
    value, begin = np.unique(flat[order], return_index=True)
    return Pooling(order, begin, value, (cyclic, frequencies), flat)
