"""Baseline detectors, run over a corpus once, in parts: what they found beside what theory expects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Bool, Float64

from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.corpus_features import capture_setting
from iqatlas.catalogs.import_spec import is_imported
from iqatlas.catalogs.split_index import split_mask
from iqatlas.detectors.blocks import BLOCKS, BlockCounts
from iqatlas.detectors.calibration import Reliability
from iqatlas.detectors.detector import Detector, DetectorSetting, check_false_alarm
from iqatlas.detectors.expected import NEEDED, Expectation
from iqatlas.detectors.neighbour_slots import ORDER, NeighbourSlots
from iqatlas.detectors.noise_trials import noise_trials
from iqatlas.detectors.recorded_noise import with_noise_floor
from iqatlas.detectors.registry import DETECTORS, made_for, refuse_none
from iqatlas.detectors.synchronisation import SynchronisationDetector
from iqatlas.detectors.tallies import ROC_FALSE_ALARMS, Tally, described, trivial_scores
from iqatlas.errors import CorpusError
from iqatlas.features.subchannel_energy import subchannel_bins
from iqatlas.seeds import Stage, stream

_NOISE_TIME = 0.25
"""Share of a budget that noise alone may take."""
_CELL = "cell"
SNR_BINS_DB = np.arange(-30.0, 31.0)
"""Edges of bins of a sub-channel's SNR."""


@dataclass(eq=False)
class EnergyTheory:
    """What energy found beside what it should have found, summed over records.

    Args:
        sums: Cases, found, expected, and variance of the expected.
        labelled: The same against what labels say: where the energy of each capture's signal is known, of
            what is heard of the signal alone; else what ``sums`` is.
        switched: Of ``labelled`` only cases whose label is not that of the slot before, and not that of the
            slot after: labels a slot early or late are wrong in all of the one or the other.
        by_snr: Cases, found and expected of occupied sub-channels, in bins of 1 dB of their SNR.
        mislabelled: Labels that are not the OR of the sites' occupancy.
        exact: Whether the energy of each capture's signal is known.
        control: Whether vacant sub-channels carry synchronisation and reference signals.
        timed: Whether it is known when.
        gaussian: Whether signals are sums of many carriers, as good as Gaussian.
        spectrum_known: Whether it is known what occupied sub-channels spill into vacant ones.
        repeats: How often the same signal comes again, so that what is heard of it tells nothing new.
    """

    sums: Float64[np.ndarray, "level receiver label 4"]
    labelled: Float64[np.ndarray, "level receiver label 4"]
    switched: Float64[np.ndarray, "level receiver side label 4"]
    by_snr: Float64[np.ndarray, "bin 3"] = field(default_factory=lambda: np.zeros((len(SNR_BINS_DB) + 1, 3)))
    mislabelled: int = 0
    exact: bool = False
    control: bool = False
    timed: bool = True
    gaussian: bool = True
    spectrum_known: bool = True
    repeats: int = 1


@dataclass(frozen=True, eq=False)
class Assessment:
    """What detectors made of a corpus.

    Args:
        tallies: Counts of each detector.
        noise: False alarms and trials of each detector on noise alone.
        reliability: Of each detector that states probabilities.
        left_out: One line for each detector that the captures don't suit.
        theory: What energy should have found; None where the corpus doesn't state powers and SNRs.
        trivial: Scores of detectors that don't look.
        blocks: Where detectors of others take part, their decisions and those of energy in blocks of time.
        detectors: The detectors.
        false_alarm: P_FA that thresholds are set for.
        records: Records that were looked at.
        total_records: Records of the corpus.
        ideal: Whether receivers are ideal, so that samples are signal and noise alone.
    """

    tallies: dict[str, Tally]
    noise: dict[str, tuple[int, int]]
    reliability: dict[str, Reliability]
    left_out: dict[str, str]
    theory: EnergyTheory | None
    trivial: pd.DataFrame
    blocks: dict[str, BlockCounts]
    detectors: dict[str, Detector]
    false_alarm: float
    records: int
    total_records: int
    ideal: bool

    def scores(self) -> pd.DataFrame:
        """Return a row a detector: its scores over everything that was looked at."""
        rows = []
        for name, tally in self.tallies.items():
            row: dict[str, object] = {"detector": name, **described(tally.scores())}
            if name in self.reliability:
                row["brier"] = self.reliability[name].brier
                row["ece"] = self.reliability[name].expected_calibration_error
            rows.append(row)
        return pd.DataFrame(rows)


def detector_setting(corpus: Corpus) -> DetectorSetting:
    """Return what detectors have to know of a corpus's captures."""
    spec = corpus.manifest.spec
    waveform = spec.get("waveform") or {}
    seed = spec.get("seed")
    return DetectorSetting(
        capture_setting(corpus.dataset, spec),
        receivers=int(corpus.dataset.sizes["receiver"]),
        synchronisation=waveform.get("kind") == "lte" and bool(waveform.get("control", False)),
        seed=seed if isinstance(seed, int) and seed >= 0 else 0,
    )


def assess(
    corpus: Corpus,
    *,
    false_alarm: float = 0.1,
    names: Iterable[str] | None = None,
    also: Iterable[Detector] = (),
    budget_s: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Assessment:
    """Run detectors over the records of a corpus, chunk by chunk, and over noise alone.

    Args:
        corpus: The corpus.
        false_alarm: Probability of false alarm that thresholds are set for.
        names: Classical detectors by name; all that suit the captures without it.
        also: Further detectors, as learned ones.
        budget_s: Seconds after which no further chunk is begun. Chunks come in a random order by the seed, so
            that what was looked at stands for the corpus.
        progress: Called with records done and records in all.

    Raises:
        SpecError: The probability is not between 0 and 1, there is no detector of a name, or none suits.
        CorpusError: The records have no labels, or no noise power.
    """
    check_false_alarm(false_alarm)
    begun = time.monotonic()
    dataset = _records(corpus)
    for name, what in (("label", "labels"), ("noise_power", "noise power"), ("iq", "samples")):
        if name not in dataset:
            raise CorpusError(
                f"the records have no {what}, so there is nothing to validate them against",
                where=corpus.place.name,
            )
    setting = detector_setting(corpus)
    made, left_out = made_for(setting, names)
    others = {detector.name: detector for detector in also}
    made |= others
    refuse_none(made, left_out)
    noise = noise_trials(
        {name: detector for name, detector in made.items() if detector.calibrated},
        receivers=setting.receivers,
        samples=setting.captures.samples,
        false_alarm=false_alarm,
        seed=setting.seed,
        until=None if budget_s is None else begun + _NOISE_TIME * budget_s,
    )
    run = _Run(corpus, dataset, made, setting, false_alarm, paired=(*others, "energy") if others else ())
    until = None if budget_s is None else begun + budget_s
    for part in _parts(corpus, dataset, run.variables, until, setting.seed):
        run.add(part)
        if progress:
            progress(run.records, int(dataset.sizes["record"]))
    return Assessment(
        tallies=run.tallies,
        noise=noise,
        reliability=run.reliability,
        left_out=left_out,
        theory=run.theory,
        trivial=trivial_scores(run.cases, run.training),
        blocks=run.blocks,
        detectors=made,
        false_alarm=false_alarm,
        records=run.records,
        total_records=int(dataset.sizes["record"]),
        ideal=_ideal(corpus),
    )


def _records(corpus: Corpus) -> xr.Dataset:
    """Return the records; those of a recording with a noise floor estimated from what is vacant."""
    dataset = corpus.dataset
    if not is_imported(corpus.manifest.spec):
        return dataset
    edges = np.stack([dataset["subchannel_lower"].values, dataset["subchannel_upper"].values], axis=-1)
    rate_hz = float(dataset.attrs["sample_rate_hz"])
    bins = subchannel_bins(dataset.sizes["sample"], edges_hz=edges, sample_rate_hz=rate_hz)
    with corpus.place.errors("read"):
        return with_noise_floor(dataset, bins, corpus.place.name)


def _parts(
    corpus: Corpus, dataset: xr.Dataset, variables: tuple[str, ...], until: float | None, seed: int
) -> Iterator[xr.Dataset]:
    """Give the records chunk by chunk, in a random order where the time may not suffice for all."""
    chunk = corpus.chunk_records
    starts = np.arange(0, dataset.sizes["record"], chunk)
    if until is not None:
        starts = stream(seed, Stage.DETECTORS, 0).permutation(starts)
    names = [name for name in dict.fromkeys(variables) if name in dataset]
    for place, start in enumerate(starts.tolist()):
        if place and until is not None and time.monotonic() > until:
            return
        with corpus.place.errors("read"):
            part = dataset[names].isel(record=slice(start, start + chunk)).load()
        yield part.assign(number=("record", np.arange(start, start + part.sizes["record"])))


class _Run:
    """Sums over the parts of a corpus; nothing of a part is kept."""

    def __init__(
        self,
        corpus: Corpus,
        dataset: xr.Dataset,
        made: dict[str, Detector],
        setting: DetectorSetting,
        false_alarm: float,
        paired: tuple[str, ...],
    ) -> None:
        self._made, self._false_alarm = made, false_alarm
        if "snr_level" in dataset:
            self.levels = np.unique(_level_db(dataset["snr_level"].values))
        else:
            self.levels = np.zeros(1)
        names = [str(name) for name in dataset["receiver"].values]
        self._cells = {name for name in made if name in DETECTORS and DETECTORS[name].finds == _CELL}
        transmitter = corpus.manifest.spec.get("transmitter") or {}
        self._aligned = transmitter.get("frame_timing", "aligned") == "aligned" and "time" in dataset
        self.tallies = {
            name: Tally(self.levels, names, 1 if name in self._cells else setting.subchannels, detector.fuses)
            for name, detector in made.items()
            if name not in self._cells or self._aligned
        }
        self.reliability = {name: Reliability() for name, detector in made.items() if detector.probability}
        self._thresholds = {
            name: np.stack([detector.threshold(float(p)) for p in ROC_FALSE_ALARMS])
            for name, detector in made.items()
            if detector.calibrated and name in self.tallies
        }
        self._expectation: Expectation | None = None
        self.theory: EnergyTheory | None = None
        if "energy" in made and all(name in dataset for name in NEEDED):
            self._expectation = Expectation(corpus, false_alarm)
            self._slots = NeighbourSlots(dataset)
            cells, each = (len(self.levels), len(names)), (2, len(_SUMS))
            self.theory = EnergyTheory(
                np.zeros((*cells, *each)),
                np.zeros((*cells, *each)),
                np.zeros((*cells, 2, *each)),
                exact=self._expectation.exact,
                control=self._expectation.control,
                timed=self._expectation.timed,
                gaussian=self._expectation.gaussian,
                spectrum_known=self._expectation.spectrum_known,
                repeats=self._expectation.repeats,
            )
        self.blocks = {
            name: BlockCounts(len(self.levels), len(names))
            for name in paired
            if name in self.tallies and name not in self._cells
        }
        self.records = 0
        self.cases, self.training = (np.zeros((setting.subchannels, 2), np.int64) for _ in range(2))
        self._of_split = {
            name: split_mask(dataset, name)
            if "split" in dataset.xindexes
            else np.zeros(dataset.sizes["record"], bool)
            for name in ("train", "test")
        }

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of the records that are read."""
        own = ("iq", "noise_power", "label", "snr_level", "time", *ORDER)
        return (*own, *(self._expectation.variables if self._expectation else ()))

    def add(self, part: xr.Dataset) -> None:
        """Run all detectors over some records."""
        part = part.transpose("record", "receiver", ...)
        iq = part["iq"].values
        noise_mw = 10 ** (part["noise_power"].values.astype(np.float64) / 10)
        label = part["label"].values.astype(bool)
        level = np.zeros(len(label), np.int64)
        if "snr_level" in part:
            level = np.searchsorted(self.levels, _level_db(part["snr_level"].values))
        self.records += len(label)
        trained, tested = (mask[part["number"].values] for mask in self._of_split.values())
        for counts, some in ((self.cases, label), (self.training, label[trained])):
            counts += np.stack([some.sum(axis=0), (~some).sum(axis=0)], axis=1)
        block = np.zeros(len(label), np.int64)
        for name in ("draw", "slot"):
            if name in part:
                block = (block + part[name].values.astype(np.int64)) % BLOCKS
        for name, tally in self.tallies.items():
            detector, truth = self._made[name], label
            if isinstance(detector, SynchronisationDetector):
                truth = detector.holds_signal(part["time"].values)[:, None]
            statistic = detector.statistic(iq, noise_mw)
            decided = statistic > detector.threshold(self._false_alarm)
            tally.add(level, truth, decided)
            if name in self.blocks:
                self.blocks[name].add(tested, block, level, label, decided)
            if name in self._thresholds:
                tally.add_roc(level, truth, statistic, self._thresholds[name])
            if name in self.reliability:
                seen = np.broadcast_to(truth[:, None], statistic.shape)
                self.reliability[name].add(statistic, seen)
            if name == "energy":
                self._compare(part, level, label, decided)

    def _compare(self, part: xr.Dataset, level: np.ndarray, label: np.ndarray, decided: np.ndarray) -> None:
        """Add what energy found, and what it should have found."""
        if self._expectation is None or self.theory is None:
            return
        expected = self._expectation.of(part)
        self.theory.mislabelled += int((label != part["occupancy"].values.any(axis=1)).sum())
        p = expected.probability
        every = _sums(decided, p)
        by_label = every if expected.heard is None else _sums(expected.heard, expected.labelled)
        sides = self._slots.switched(part["number"].values, label)
        vacant = ~label
        if not self.theory.exact:
            # Of the slot before echoes are heard, and how much is not worked out.
            vacant &= ~(self._expectation.early(part)[:, None] & sides[0])
        for kind, cases in enumerate((vacant, label)):
            for sums, terms, some in (
                (self.theory.sums[:, :, kind], every, cases),
                (self.theory.labelled[:, :, kind], by_label, cases),
                *((self.theory.switched[:, :, side, kind], by_label, cases & sides[side]) for side in (0, 1)),
            ):
                np.add.at(sums, level, (terms * some[:, None, :, None]).sum(axis=2))
        with np.errstate(divide="ignore"):
            snr_db = 10 * np.log10(expected.snr)
        seen = np.broadcast_to(label[:, None], p.shape)
        place = np.searchsorted(SNR_BINS_DB, snr_db[seen])
        for column, values in enumerate((None, decided[seen].astype(np.float64), p[seen])):
            self.theory.by_snr[:, column] += np.bincount(
                place, weights=values, minlength=len(SNR_BINS_DB) + 1
            )


_SUMS = ("cases", "found", "expected", "variance")


def _sums(
    found: Bool[np.ndarray, "record receiver subchannel"],
    p: Float64[np.ndarray, "record receiver subchannel"],
) -> Float64[np.ndarray, "record receiver subchannel 4"]:
    return np.stack([np.ones_like(p), found, p, p * (1 - p)], axis=-1)


def _level_db(values: np.ndarray) -> Float64[np.ndarray, " record"]:
    """Return SNR levels, thermal noise standing at 0."""
    return np.nan_to_num(np.asarray(values, np.float64))


def _ideal(corpus: Corpus) -> bool:
    """Return whether receivers add nothing of their own but noise."""
    receiver = corpus.manifest.spec.get("receiver") or {}
    altered = ("iq_gain_db", "iq_phase_deg", "dc_offset_db", "adc", "phase_noise")
    return all(receiver.get(name) in (None, 0) for name in altered)
