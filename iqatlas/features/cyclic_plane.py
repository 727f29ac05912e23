"""Which stored value each cell of a cyclic spectrum belongs to, and the cells brought together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Complex64, Float32, Float64, Int32, Int64

from iqatlas.errors import SpecError
from iqatlas.features import fam, ssca
from iqatlas.features.channelizer import MOST_CELLS
from iqatlas.features.cyclic_engine import compiled
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec, FullOutput, Pool, ProfileOutput

_WHERE = "features.cyclic_spectrum"
_DEFAULT_GRID = (64, 64)
_DEFAULT_PROFILE = 256
LEAST_DENSITY = np.float32(1e-35)
"""Floor for the logarithm, a sample: far below any thermal noise."""


def grid_shape(spec: CyclicSpectrumSpec, used: int) -> tuple[int, int]:
    """Return the stored values over frequency (1 for a profile) and over cyclic frequency.

    Args:
        spec: What is stored.
        used: Samples that the spectrum is made of.
    """
    held = _cyclic_frequencies(spec, used)
    output = spec.output
    if isinstance(output, FullOutput):
        return spec.frequencies if _folded(spec) else spec.channels, held
    if isinstance(output, ProfileOutput):
        return 1, output.size or min(held, _DEFAULT_PROFILE)
    return output.grid or (min(spec.frequencies, _DEFAULT_GRID[0]), min(held, _DEFAULT_GRID[1]))


def refuse_finer(spec: CyclicSpectrumSpec, used: int, *, samples: int, sample_rate_hz: float) -> None:
    """Refuse more values over cyclic frequency than there are.

    Args:
        spec: What is stored.
        used: Samples that the spectrum is made of.
        samples: Samples a capture.
        sample_rate_hz: Sampling rate.

    Raises:
        SpecError: The spectra are of too few samples, because captures are short or because the resolution
            asked for needs no more.
    """
    asked, held = grid_shape(spec, used)[1], _cyclic_frequencies(spec, used)
    if asked <= held:
        return
    needed = 1 << (asked - 1).bit_length() - spec.conjugate
    changes = [f"capture.samples to {needed}"] if samples < needed else []
    if spec.cyclic_resolution_hz is not None:
        changes.append(f"cyclic_resolution_hz to less than {2 * sample_rate_hz / needed:.6g}")
    fits = needed * spec.channels <= 2 * MOST_CELLS
    raise SpecError(
        f"{asked} values over cyclic frequency need spectra of {needed} samples, these are of {used}",
        where=f"{_WHERE}.output.{'size' if isinstance(spec.output, ProfileOutput) else 'grid'}",
        accepted=f"up to {held} values",
        remedy=f"or set {' and '.join(changes)}" if fits else None,
    )


def _cyclic_frequencies(spec: CyclicSpectrumSpec, used: int) -> int:
    return 2 * used if spec.conjugate else used


def cyclic_steps(spec: CyclicSpectrumSpec, used: int) -> Float64[np.ndarray, "cyclic_frequency"]:
    """Return the middle of the cyclic frequencies that each stored value covers, in steps of fs/``used``.

    A value covers the steps from the first that reaches its lower edge to the last below the next one's.
    """
    count, held = grid_shape(spec, used)[1], _cyclic_frequencies(spec, used)
    return middles(count, held) - (used if spec.conjugate else 0)


def frequency_steps(spec: CyclicSpectrumSpec, used: int) -> Float64[np.ndarray, "frequency"]:
    """Return the middle of the frequencies that each column covers, in steps of fs/(2·``used``).

    The cells of fam lie half a channel apart, those of ssca at every step.
    """
    count = grid_shape(spec, used)[0]
    apart = used // spec.channels if spec.method == "fam" else 1
    if _folded(spec):
        return middles(count, used // apart) * apart
    return middles(count, 2 * used // apart) * apart - used


def frequency_offset_steps(spec: CyclicSpectrumSpec, used: int) -> Float64[np.ndarray, "cyclic_frequency"]:
    """Return how far above the middle of their columns the cells of each row lie, in the full plane.

    In steps of fs/(2·``used``). Cells of one α are a channel apart and share it: fam has them half a
    channel higher where k - l is odd (k + l in the conjugate plane), ssca at f_k - α/2.
    """
    cycle = cyclic_steps(spec, used).astype(np.int64)
    width = used // spec.channels
    if spec.method == "fam":
        return ((cycle + width // 2) // width % 2 - 0.5) * width
    # Beyond fs/2, ssca holds cells at -α.
    cycle = np.where((cycle > used // 2) & (not spec.conjugate), -cycle, cycle)
    return -cycle % (2 * width) - (2 * width - 1) / 2


def _folded(spec: CyclicSpectrumSpec) -> bool:
    """Return whether columns hold |f|: the conjugate plane is even in f.

    The full one of ssca is not folded: its cells at f and -f would share columns and be different ones.
    """
    return spec.conjugate and not (spec.method == "ssca" and isinstance(spec.output, FullOutput))


def middles(count: int, steps: int) -> Float64[np.ndarray, "value"]:
    """Return the middle of the whole steps in each of ``count`` equal ranges, in steps of any unit."""
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
    of_cell: Int32[np.ndarray, "cell"]

    def pooled(
        self,
        cells: Complex64[np.ndarray, "row first second"],
        weight: Float32[np.ndarray, "row first #second"] | None,
        pool: Pool,
    ) -> Float32[np.ndarray, "row filled"]:
        """Return the largest magnitude of each value's cells, or the mean of magnitudes. Cells are used up.

        Args:
            cells: Every cell, densities a sample: a thousandth of thermal noise in mW/Hz would be too
                small for the square of a float32.
            weight: What the squared magnitudes are multiplied by.
            pool: Largest or mean.
        """
        counts = np.diff(np.append(self.begin, len(self.order))).astype(np.float32)
        if compiled():
            from iqatlas.features import _numba_cyclic  # an extra, and slow to import

            pooled = _numba_cyclic.pooled(
                cells,
                np.ones((len(cells), cells.shape[1], 1), np.float32) if weight is None else weight,
                self.of_cell.reshape(cells.shape[1:]),
                values=self.shape[0] * self.shape[1],
                mean=pool == "mean",
            )[:, self.value]
            return np.asarray(pooled / counts if pool == "mean" else np.sqrt(pooled), np.float32)
        parts = cells.view(np.float32)
        np.square(parts, out=parts)
        power = parts[..., ::2] + parts[..., 1::2]
        if weight is not None:
            power *= weight
        sorted_ = power.reshape(len(cells), -1)[:, self.order]
        if pool == "max":
            return np.asarray(np.sqrt(np.maximum.reduceat(sorted_, self.begin, axis=-1)))
        return np.asarray(np.add.reduceat(np.sqrt(sorted_), self.begin, axis=-1) / counts)


@lru_cache(maxsize=8)
def pooling(spec: CyclicSpectrumSpec, used: int) -> Pooling:
    """Return which cells make which stored value.

    Cells of the plain plane at a negative α are the complex conjugates of those at -α and count there. A
    value of the full plane is one cell.

    Args:
        spec: The spectrum and what is stored.
        used: Samples that it is made of.
    """
    frequencies, cyclic = grid_shape(spec, used)
    half_steps, steps = (
        grid.ravel() for grid in (ssca if spec.method == "ssca" else fam).cell_steps(spec, used)
    )
    if _folded(spec):
        column = np.abs(half_steps) * frequencies // used
    else:
        column = (half_steps + used) * frequencies // (2 * used)
    if spec.conjugate:
        row = (steps + used) * cyclic // (2 * used)
        left_out = np.zeros(len(steps), bool)
    else:
        row = np.abs(steps) * cyclic // used
        # A pair of a channel of fam with itself holds each |α| twice, ssca the cells of fs/2.
        left_out = steps < 0 if spec.method == "fam" else steps == -(used // 2)
    # The outermost half channel of the conjugate plane of fam reaches below -fs, and α repeats after 2·fs.
    row = row % cyclic if isinstance(spec.output, FullOutput) else np.maximum(row, 0)
    flat = row * frequencies + column
    flat[left_out] = frequencies * cyclic
    order = np.argsort(flat, kind="stable")[: len(flat) - int(left_out.sum())]
    value, begin = np.unique(flat[order], return_index=True)
    return Pooling(order, begin, value, (cyclic, frequencies), flat.astype(np.int32))
