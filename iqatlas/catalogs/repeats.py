"""Captures that come twice: the same bytes, nearly the same, or the same transmission under other noise."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from jaxtyping import Bool, Complex64, Float64, Int64, UInt64

from iqatlas.axes import RECORD
from iqatlas.catalogs.capture_sketch import CaptureSketch
from iqatlas.seeds import Stage, stream

LEAST_SNR_DB = 10.0
"""A transmission that comes twice this far above the noise correlates to 0.83, squared."""
MOST_SKETCHED_DB = 15.0
"""Further above the noise, sketches of one narrow signal may meet by chance; likeness tells there."""
_LEAST_LIKENESS = 0.5
_CHANCE = 1e-6
"""Probability that independent captures of a corpus are taken for repeats."""
_MOST_A_SPLIT = 1000
_MOST_BYTES = 128 << 20
_MOST_SAMPLES = 4096
_LEAST_OCCUPIED = 0.25
"""Reference signals come again in every frame: captures of little else are no repeats of a payload."""
_WORDS_AT_ONCE = 1 << 20


def row_hashes(rows: np.ndarray, multipliers: UInt64[np.ndarray, " word"]) -> UInt64[np.ndarray, " row"]:
    """Return a 64-bit hash of the bytes of each row, all rows at once.

    Args:
        rows: Rows of a whole number of 8-byte words.
        multipliers: An odd random number for each word: a universal hash by multiplication.
    """
    words = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint64)
    mixed = words ^ (words >> np.uint64(29))
    return np.asarray((mixed * multipliers).sum(axis=1, dtype=np.uint64))


@dataclass(eq=False)
class Repeats:
    """What was found.

    Args:
        same: Records whose samples are, byte for byte, those of another one.
        same_across: Those of them whose double is in another split.
        alike: Pairs of records that hold the same transmission under other noise.
        alike_across: Those of them that are in different splits.
        compared: Captures that were compared pair by pair.
        example: Two records that are alike, or the same, in different splits.
        captures: Captures of one receiver that are, byte for byte or nearly, those of another one.
        captures_across: Those of them whose double is in another split.
    """

    same: int = 0
    same_across: int = 0
    alike: int = 0
    alike_across: int = 0
    compared: int = 0
    example: tuple[int, int] | None = None
    captures: int = 0
    captures_across: int = 0


@dataclass(eq=False)
class RepeatFinder:
    """Takes records part by part, and compares them in the end.

    Hashes are of all records, and of each receiver's capture, with a sketch beside them that a small change
    of the samples leaves as it is (:class:`CaptureSketch`). The comparison pair by pair is of captures with
    a strong signal, up to a thousand a split, drawn by the seed; captures that begin at another sample of the
    same transmission, or were heard through another channel, are not found by it.

    Args:
        split: Split of each record.
        snr_db: SNR of each record at each receiver.
        occupied: Share of the sub-channels of each record that is occupied.
        samples: Samples of a capture.
        control: Whether vacant sub-channels carry reference signals.
        seed: Seed of what is drawn.
    """

    split: np.ndarray
    snr_db: Float64[np.ndarray, "record receiver"]
    occupied: Float64[np.ndarray, " record"]
    samples: int
    control: bool
    seed: int
    hashes: UInt64[np.ndarray, " record"] = field(init=False)
    sketches: UInt64[np.ndarray, "grid record receiver"] = field(init=False)
    _chosen: Bool[np.ndarray, " record"] = field(init=False)
    _multipliers: UInt64[np.ndarray, " word"] = field(init=False)
    _kept: list[tuple[np.ndarray, np.ndarray]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        rng = stream(self.seed, Stage.DETECTORS, 2)
        receivers = self.snr_db.shape[1]
        self._multipliers = rng.integers(
            0, 1 << 63, size=receivers * self.samples, dtype=np.uint64
        ) * np.uint64(2) + np.uint64(1)
        self.hashes = np.zeros(len(self.split), np.uint64)
        strong = self.snr_db.max(axis=1) >= LEAST_SNR_DB
        strong &= self.occupied >= (_LEAST_OCCUPIED if self.control else 1e-9)
        self._used = min(self.samples, _MOST_SAMPLES)
        learnt = np.unique(self.split[self.split != "guard"])
        most = min(_MOST_A_SPLIT, _MOST_BYTES // (8 * self._used * max(1, len(learnt))))
        self._chosen = np.zeros(len(self.split), bool)
        for name in learnt:
            found = np.flatnonzero(strong & (self.split == name))
            self._chosen[rng.permutation(found)[:most]] = True
        self._best = self.snr_db.argmax(axis=1)
        self._sketch = CaptureSketch.drawn(self.samples, rng=rng)
        self.sketches = np.zeros((self._sketch.grids + 1, *self.snr_db.shape), np.uint64)

    def add(self, part: xr.Dataset, start: int) -> None:
        """Take some records.

        Args:
            part: The records, in memory.
            start: Number of the first one.
        """
        iq = part["iq"].transpose(RECORD, "receiver", "sample").values.astype(np.complex64, copy=False)
        at_once = max(1, _WORDS_AT_ONCE // len(self._multipliers))
        for first in range(0, len(iq), at_once):
            piece = iq[first : first + at_once]
            place = slice(start + first, start + first + len(piece))
            self.hashes[place] = row_hashes(piece, self._multipliers)
            each = piece.reshape(-1, self.samples)
            loud = (self.snr_db[place] > MOST_SKETCHED_DB).reshape(-1)
            near = np.where(loud, np.uint64(0), self._sketch.of(each))
            exact = row_hashes(each, self._multipliers[: self.samples])
            self.sketches[:, place] = np.concatenate([near, exact[None]]).reshape(-1, *piece.shape[:2])
        rows = np.flatnonzero(self._chosen[start : start + len(iq)])
        if len(rows):
            self._kept.append((start + rows, iq[rows, self._best[start + rows], : self._used].copy()))

    def found(self) -> Repeats:
        """Compare what was taken."""
        found = Repeats()
        self._same(found)
        if self._kept:
            record = np.concatenate([records for records, _ in self._kept])
            captures = np.concatenate([captures for _, captures in self._kept])
            found.compared = len(record)
            for receiver in np.unique(self._best[record]):
                own = self._best[record] == receiver
                self._alike(record[own], captures[own], found)
        return found

    def _same(self, found: Repeats) -> None:
        doubles, found.same_across, found.example = _doubles(self.hashes, self.split)
        found.same = int(doubles.sum())
        receivers = self.snr_db.shape[1]
        split = np.repeat(self.split, receivers)
        twice = np.zeros(split.size, bool)
        for sketches in self.sketches:
            hashes = sketches.reshape(-1)
            # 0 is what a capture of zeros has, and one that is too strong for a sketch.
            some = np.flatnonzero(hashes)
            if not len(some):
                continue
            doubles, across, example = _doubles(hashes[some], split[some])
            twice[some] |= doubles
            found.captures_across = max(found.captures_across, across)
            if example is not None and found.example is None:
                one, other = (int(some[place]) // receivers for place in example)
                found.example = one, other
        found.captures = int(twice.sum())

    def _alike(
        self, record: Int64[np.ndarray, " n"], captures: Complex64[np.ndarray, "n sample"], found: Repeats
    ) -> None:
        power = np.square(np.abs(np.fft.fft(captures, axis=-1)))
        # Dimensions that a signal fills: of independent captures the squared likeness is Beta(1, W - 1).
        filled = np.square(power.sum(axis=-1)) / np.maximum(np.square(power).sum(axis=-1), 1e-300)
        norm = np.linalg.norm(captures, axis=-1, keepdims=True)
        unit = captures / np.maximum(norm, np.finfo(np.float32).tiny)
        pairs = max(1, len(record) * (len(record) - 1) // 2)
        for start in range(0, len(record), 256):
            stop = min(start + 256, len(record))
            likeness = np.square(np.abs(unit[start:stop] @ np.conj(unit).T)).clip(0, 1 - 1e-7)
            wide = np.minimum(filled[start:stop, None], filled[None]) - 1
            rare = wide * np.log1p(-likeness.astype(np.float64)) < np.log(_CHANCE / pairs)
            later = np.arange(len(record))[None] > np.arange(start, stop)[:, None]
            one, other = np.nonzero(rare & later & (likeness > _LEAST_LIKENESS))
            first, second = record[start + one], record[other]
            across = self.split[first] != self.split[second]
            found.alike += len(one)
            found.alike_across += int(across.sum())
            if across.any() and found.example is None:
                place = int(np.argmax(across))
                found.example = (int(first[place]), int(second[place]))


def _doubles(
    hashes: UInt64[np.ndarray, " n"], split: np.ndarray
) -> tuple[Bool[np.ndarray, " n"], int, tuple[int, int] | None]:
    """Return what has a double, how many have it in another split, and two of those."""
    # Guards last: a group begins with one only where it holds nothing else.
    order = np.lexsort((split == "guard", hashes))
    sorted_hashes, names = hashes[order], split[order]
    first = np.concatenate([[True], sorted_hashes[1:] != sorted_hashes[:-1]])
    group = np.cumsum(first) - 1
    doubles = np.zeros(len(hashes), bool)
    doubles[order] = np.bincount(group)[group] > 1
    begin = np.flatnonzero(first)[group]
    # A group is across splits where one of it differs from the group's first; guards belong to none.
    differs = (names != names[begin]) & (names != "guard")
    if not differs.any():
        return doubles, 0, None
    place = int(np.argmax(differs))
    return doubles, int(differs.sum()), (int(order[begin[place]]), int(order[place]))
