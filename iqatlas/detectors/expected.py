"""What energy detection should find in each record, from the powers and SNRs that the corpus states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.control_share import ControlShare
from iqatlas.detectors.energy import energy, known_signal_tail, tail, threshold
from iqatlas.detectors.leakage import spilt_shares
from iqatlas.features.subchannel_energy import subchannel_bins

NEEDED = ("snr", "signal_power", "occupancy", "noise_power")
"""Variables without which nothing can be expected."""
_POINTS_A_SUBCHANNEL = 6
_PATHS_AT_ONCE = 1 << 22
_CONTROL_SHARE = 0.06
"""Mean share of a vacant sub-channel's elements that carry control; reference signals are most of it."""
_HEARD = 0.3
"""Of the strongest sub-channel's mean energy: well above what control and neighbours leave in vacant ones."""


@dataclass(frozen=True, eq=False)
class Expected:
    """SNRs and probabilities of detection of some records.

    Args:
        snr: Ratio of signal to noise in each sub-channel.
        probability: Probability of being called occupied: P_D; in vacant ones P_FA, raised by control and by
            what neighbours spill.
        labelled: The same probability from what sites are said to send; where the energy of the signal is
            known, the probability of ``heard``.
        heard: Whether the signal's own energy, without noise, passes a level; None where nobody knows it.
    """

    snr: Float64[np.ndarray, "record receiver subchannel"]
    probability: Float64[np.ndarray, "record receiver subchannel"]
    labelled: Float64[np.ndarray, "record receiver subchannel"]
    heard: Bool[np.ndarray, "record receiver subchannel"] | None = None


class Expectation:
    """What energy should find in the records of a corpus.

    With stored components (``storage: {components: true}``) the energy of each capture's signal is known:
    Marcum's law holds exactly, whatever labels say; so labels are held against that energy in their turn,
    without noise. Without components each site's power is shared out over the sub-channels that it
    occupies, by the gains of its stored paths, and scaled to the SNR that the capture realised; the signal is
    taken for Gaussian. Control that vacant sub-channels carry follows from the capture's time, where frames
    begin at time 0; elsewhere (``timed`` is false) it has its mean.

    Args:
        corpus: The corpus.
        false_alarm: Probability of false alarm that sets the threshold.
    """

    def __init__(self, corpus: Corpus, false_alarm: float) -> None:
        dataset = corpus.dataset
        self._corpus = corpus
        self._rate_hz = float(dataset.attrs["sample_rate_hz"])
        self._edges_hz = np.stack(
            [dataset["subchannel_lower"].values, dataset["subchannel_upper"].values], axis=-1
        ).astype(np.float64)
        samples = dataset.sizes["sample"]
        self._bins = subchannel_bins(samples, edges_hz=self._edges_hz, sample_rate_hz=self._rate_hz)
        self._count = self._bins.sum(axis=1)
        self._level = threshold(self._count, false_alarm)
        self._spilt = spilt_shares(self._bins, self._edges_hz, self._rate_hz)
        self.exact = "signal" in dataset
        waveform = corpus.manifest.spec.get("waveform") or {}
        self.gaussian = waveform.get("kind", "lte") == "lte"
        self.control = bool(waveform.get("control", False))
        transmitter = corpus.manifest.spec.get("transmitter") or {}
        self.timed = not self.control or transmitter.get("frame_timing", "aligned") == "aligned"
        capture = corpus.manifest.spec.get("capture") or {}
        fixed = self.exact and capture.get("payload") == "fixed" and "draw" in dataset
        self.repeats = len(np.unique(dataset["draw"].values)) if fixed else 1
        self._control_share: ControlShare | None = None
        if self.control and self.timed:
            self._control_share = ControlShare(waveform, self._edges_hz)
        self._band_hz = float(dataset.attrs.get("noise_bandwidth_hz", np.ptp(self._edges_hz)))

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of the records that are needed."""
        return (*NEEDED, "waypoint", "time", *(("signal",) if self.exact else ()))

    @cached_property
    def _shape(self) -> Float64[np.ndarray, "waypoint receiver site subchannel"]:
        """Return the mean gain of each site in each sub-channel, over its mean."""
        paths = self._corpus.paths
        frequency = np.linspace(0, 1, 2 * _POINTS_A_SUBCHANNEL + 1)[1::2]
        at_hz = self._edges_hz[:, :1] + frequency * np.diff(self._edges_hz, axis=1)
        gain = paths["gain"].transpose("waypoint", "receiver", "site", "path")
        waypoints, receivers, sites, links = gain.shape
        shape = np.empty((waypoints, receivers, sites, len(at_hz)))
        at_once = max(1, _PATHS_AT_ONCE // max(1, receivers * sites * links))
        for start in range(0, waypoints, at_once):
            piece = slice(start, start + at_once)
            part = paths[["gain", "delay", "valid"]].isel(waypoint=piece).load()
            part = part.transpose("waypoint", "receiver", "site", "path", ...)
            valid = part["valid"].values
            weight = np.where(valid, part["gain"].values, 0)
            delay = np.where(valid, part["delay"].values, 0.0)
            for subchannel, points in enumerate(at_hz):
                power = np.zeros(weight.shape[:-1])
                for point in points:
                    response = (weight * np.exp(-2j * np.pi * (point * delay % 1))).sum(axis=-1)
                    power += np.square(np.abs(response)) / len(points)
                shape[piece, :, :, subchannel] = power
        mean = shape.mean(axis=-1, keepdims=True)
        return np.asarray(np.divide(shape, mean, out=np.ones_like(shape), where=mean > 0))

    def of(self, part: xr.Dataset) -> Expected:
        """Return what should be found in some records.

        Args:
            part: The records, in memory, with :attr:`variables`.
        """
        noise_mw = 10 ** (part["noise_power"].values.astype(np.float64) / 10)
        shared = self._shared_out(part, noise_mw)
        if not self.exact:
            probability = tail(self._count, self._level / (1 + shared))
            return Expected(shared, probability, probability)
        snr = energy(part["signal"].values, noise_mw, self._bins).astype(np.float64)
        level = _HEARD * shared.max(axis=-1, keepdims=True)
        # Nothing is heard of what sends nothing: infinitely many times 0.
        over = np.divide(level, shared, out=np.full_like(shared, np.inf), where=shared > 0)
        return Expected(
            snr,
            known_signal_tail(self._count, self._level, snr),
            labelled=tail(self._count, over),
            heard=(snr > level) & (level > 0),
        )

    def _shared_out(
        self, part: xr.Dataset, noise_mw: Float64[np.ndarray, "record receiver"]
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return the SNR in each sub-channel: what sites send there, and what neighbours spill."""
        occupied = part["occupancy"].transpose("record", "site", "subchannel").values.astype(np.float64)
        site_mw = 10 ** (part["signal_power"].values.astype(np.float64) / 10)
        shape = self._shape[part["waypoint"].values]  # record receiver site subchannel
        # Of the block that a site's power is the mean of, and of the capture itself.
        in_block = _CONTROL_SHARE if self.control else 0.0
        in_capture = np.full((len(occupied), 1), in_block)
        if self._control_share is not None:
            samples = self._bins.shape[1]
            in_capture = self._control_share.of(part["time"].values.astype(np.float64), samples)
        load = np.einsum("rvsk,rsk->rvs", shape, occupied + in_block * (1 - occupied))
        whole = np.divide(site_mw, load, out=np.zeros_like(site_mw), where=load > 0)
        sent = occupied + in_capture[:, None] * (1 - occupied)
        power = np.einsum("rvs,rvsk,rsk->rvk", whole, shape, sent)
        # What the capture realised in place of that mean.
        realised = 10 ** (part["snr"].values.astype(np.float64) / 10) * self._band_hz / self._rate_hz
        stated = power.sum(axis=-1) / noise_mw
        power *= np.divide(realised, stated, out=np.zeros_like(stated), where=stated > 0)[..., None]
        noise = noise_mw[..., None] * (self._count / self._bins.shape[1])
        return np.asarray(power @ self._spilt.T / noise)
