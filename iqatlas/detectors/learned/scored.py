"""F1 of a learned detector at each SNR level and receiver, beside energy and detectors that don't look."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr
from jaxtyping import Bool, Complex64, Float64

from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.load_request import SPLITS, known
from iqatlas.detectors.energy import energy, threshold
from iqatlas.detectors.learned.card import ScoreRow
from iqatlas.detectors.learned.model import LearnedDetector
from iqatlas.detectors.scores import Scores, count
from iqatlas.errors import CorpusError
from iqatlas.features.subchannel_energy import subchannel_bins

FALSE_ALARM = 0.1
"""Of the energy detector that learned ones are compared with."""
DECISION = 0.5
"""A sub-channel is taken for occupied where that is likelier than not."""
_NOTHING = Scores(0, 0, 0, 0)
_CHUNK_SAMPLES = 1 << 22


@dataclass
class _Group:
    learned: Scores = _NOTHING
    energy: Scores = _NOTHING
    all_ones: Scores = _NOTHING
    captures: int = 0


def score(
    detector: LearnedDetector,
    corpus: Corpus,
    *,
    split: str = "test",
    progress: Callable[[int, int], None] | None = None,
) -> tuple[ScoreRow, ...]:
    """Return F1 at each SNR level and receiver, in this order.

    The energy detector knows the noise power, and sees the samples that the learned one sees.

    Args:
        detector: What has learned.
        corpus: Any corpus of captures like those that it has learned from.
        split: ``train``, ``validation`` or ``test``.
        progress: Called with records done and records in all.

    Raises:
        CorpusError: The corpus has other captures, or nothing in the split.
        SetupError: PyTorch, which nets need, is not installed.
    """
    known("split", [split], SPLITS)
    detector.refuse_others(corpus)
    records = np.flatnonzero(corpus.split_mask(split))
    if not len(records):
        raise CorpusError(f"the split {split!r} is empty", where=corpus.place.name, accepted=_filled(corpus))
    dataset = corpus.dataset
    variables = [name for name in ("iq", "label", "snr_level", "noise_power") if name in dataset]
    if "label" not in variables:
        raise CorpusError("the corpus has no label", where=corpus.place.name)
    receivers = corpus.receivers_of(split) or [str(name) for name in dataset["receiver"].values]
    looked = detector.setting.samples
    bins = subchannel_bins(
        looked, edges_hz=detector.setting.subchannel_edges_hz, sample_rate_hz=detector.setting.sample_rate_hz
    )
    groups: defaultdict[tuple[float, str], _Group] = defaultdict(_Group)
    own = dataset[variables].sel(receiver=receivers)
    chunk = max(1, min(corpus.chunk_records, _CHUNK_SAMPLES // dataset.sizes["sample"]))
    done = 0
    for start in range(0, dataset.sizes["record"], chunk):
        wanted = records[(records >= start) & (records < start + chunk)]
        if not len(wanted):
            continue
        part = own.isel(record=wanted, sample=slice(looked)).load()
        likely = detector.probabilities(_captures(part))
        _add(groups, part, likely > DECISION, _energy_decisions(part, bins), receivers)
        done += len(wanted)
        if progress is not None:
            progress(done, len(records))
    return tuple(_row(*key, group) for key, group in sorted(groups.items(), key=_order))


def _filled(corpus: Corpus) -> str:
    return ", ".join(name for name in SPLITS if corpus.split_mask(name).any())


def _captures(part: xr.Dataset) -> Complex64[np.ndarray, "record receiver sample"]:
    return part["iq"].transpose("record", "receiver", "sample").values.astype(np.complex64, copy=False)


def _energy_decisions(
    part: xr.Dataset, bins: Bool[np.ndarray, "subchannel bin"]
) -> Bool[np.ndarray, "record receiver subchannel"] | None:
    """Return what the energy detector decides; None where nobody knows the noise power."""
    if "noise_power" not in part:
        return None
    noise_dbm: Float64[np.ndarray, "record receiver"] = (
        part["noise_power"].transpose("record", "receiver").values.astype(np.float64)
    )
    level = threshold(bins.sum(axis=1), FALSE_ALARM)
    decided: np.ndarray = energy(_captures(part), 10 ** (noise_dbm / 10), bins) > level
    return decided


def _add(
    groups: defaultdict[tuple[float, str], _Group],
    part: xr.Dataset,
    decided: Bool[np.ndarray, "record receiver subchannel"],
    by_energy: Bool[np.ndarray, "record receiver subchannel"] | None,
    receivers: list[str],
) -> None:
    label = part["label"].transpose("record", "subchannel").values.astype(bool)
    # Thermal noise has no level: NaN, which equals nothing. Nobody has asked for one of a recording.
    asked = part["snr_level"].values if "snr_level" in part else np.full(len(label), np.nan)
    levels = np.nan_to_num(asked.astype(np.float64), nan=np.inf)
    for level in np.unique(levels):
        rows = levels == level
        ones = count(label[rows], np.ones_like(label[rows]))
        for position, name in enumerate(receivers):
            group = groups[float(level), name]
            group.learned += count(label[rows], decided[rows, position])
            if by_energy is not None:
                group.energy += count(label[rows], by_energy[rows, position])
            group.all_ones += ones
            group.captures += int(rows.sum())


def _order(item: tuple[tuple[float, str], _Group]) -> tuple[float, str]:
    return item[0]


def _row(level: float, receiver: str, group: _Group) -> ScoreRow:
    ones = group.all_ones
    occupied = ones.hits / (ones.hits + ones.false_alarms)
    return ScoreRow(
        snr_level_db=level if math.isfinite(level) else None,
        receiver=receiver,
        captures=group.captures,
        f1_occupied=_share(group.learned.f1_occupied),
        f1_hole=_share(group.learned.f1_hole),
        energy=_share(group.energy.f1_occupied),
        all_ones=_share(ones.f1_occupied),
        # A coin with the prior's bias is right by chance: its expected F1 is the prior.
        prior=occupied,
    )


def _share(value: float) -> float | None:
    return value if math.isfinite(value) else None
