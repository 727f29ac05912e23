"""What energy detection should find in each record, from the powers and SNRs that the corpus states."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64, Int64
from scipy.special import gammaincc

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.control_share import ControlShare
from iqatlas.detectors.energy import energy, known_signal_tail, threshold
from iqatlas.detectors.leakage import spilt_shares
from iqatlas.detectors.spilt_tail import SpiltTail
from iqatlas.detectors.symbol_spill import SymbolSpill, is_known
from iqatlas.features.subchannel_energy import subchannel_bins

NEEDED = ("snr", "signal_power", "occupancy", "noise_power")
"""Variables without which nothing can be expected."""
_POINTS_A_SUBCHANNEL = 6
_PATHS_AT_ONCE = 1 << 22
_CONTROL_SHARE = 0.06
"""Mean share of a vacant sub-channel's elements that carry control; reference signals are most of it."""
_OFF_TIME_S = 2e-4
"""What sites whose frames are not aligned to the slots may be late by: a symbol, and 1/32 of an LTE slot."""
_ALTERING = (
    "amplifier",
    "edge_window",
    "phase_noise",
    "carrier_offset_ppm",
    "carrier_offset_hz",
    "sampling_offset_ppm",
)
"""What makes a spectrum another than that of plain symbols on their subcarriers."""
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


@dataclass(frozen=True, eq=False)
class _Shares:
    """Ratios to the noise in each sub-channel, and how many symbols each capture cuts or holds.

    Args:
        spread: What sites send there.
        spilt: What neighbours spill.
        parts: Symbols, or parts of them, in a capture.
    """

    spread: Float64[np.ndarray, "record receiver subchannel"]
    spilt: Float64[np.ndarray, "record receiver subchannel"]
    parts: Int64[np.ndarray, "record receiver"]


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
        self._tail = SpiltTail(self._count, self._level)
        self.exact = "signal" in dataset
        waveform = corpus.manifest.spec.get("waveform") or {}
        self.gaussian = waveform.get("kind", "lte") == "lte"
        self.control = bool(waveform.get("control", False))
        transmitter = corpus.manifest.spec.get("transmitter") or {}
        receiver = corpus.manifest.spec.get("receiver") or {}
        self._spill: SymbolSpill | None = None
        plain = is_known(waveform, subchannels=len(self._bins), sample_rate_hz=self._rate_hz)
        if plain and "time" in dataset:
            self._spill = SymbolSpill(waveform, self._bins)
        else:
            self._band = spilt_shares(self._bins, self._edges_hz, self._rate_hz)
        self.spectrum_known = (
            self._spill is not None
            and not any(_alters(transmitter, name) for name in _ALTERING)
            and not any(_alters(receiver, name) for name in _ALTERING)
        )
        aligned = transmitter.get("frame_timing", "aligned") == "aligned"
        # When coded subframes send control depends on what they schedule.
        coded = waveform.get("payload") == "coded"
        self.timed = not self.control or (aligned and not coded)
        self._off_time = not aligned or _alters(transmitter, "sampling_offset_ppm")
        capture = corpus.manifest.spec.get("capture") or {}
        fixed = self.exact and capture.get("payload") == "fixed" and "draw" in dataset
        self.repeats = len(np.unique(dataset["draw"].values)) if fixed else 1
        self._control_share: ControlShare | None = None
        if self.control and aligned:
            self._control_share = ControlShare(waveform, self._edges_hz)
        self._band_hz = float(dataset.attrs.get("noise_bandwidth_hz", np.ptp(self._edges_hz)))

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables of the records that are needed."""
        return (*NEEDED, "waypoint", "time", *(("signal",) if self.exact else ()))

    @cached_property
    def _links(
        self,
    ) -> tuple[
        Float64[np.ndarray, "waypoint receiver site subchannel"],
        Float64[np.ndarray, "waypoint receiver site"],
    ]:
        """Return each site's mean gain in each sub-channel, over its mean; its mean delay by power."""
        paths = self._corpus.paths
        frequency = np.linspace(0, 1, 2 * _POINTS_A_SUBCHANNEL + 1)[1::2]
        at_hz = self._edges_hz[:, :1] + frequency * np.diff(self._edges_hz, axis=1)
        gain = paths["gain"].transpose("waypoint", "receiver", "site", "path")
        waypoints, receivers, sites, links = gain.shape
        shape = np.empty((waypoints, receivers, sites, len(at_hz)))
        delay_s = np.empty(shape.shape[:-1])
        at_once = max(1, _PATHS_AT_ONCE // max(1, receivers * sites * links))
        for start in range(0, waypoints, at_once):
            piece = slice(start, start + at_once)
            part = paths[["gain", "delay", "valid"]].isel(waypoint=piece).load()
            part = part.transpose("waypoint", "receiver", "site", "path", ...)
            valid = part["valid"].values
            weight = np.where(valid, part["gain"].values, 0)
            delay = np.where(valid, part["delay"].values, 0.0)
            strength = np.square(np.abs(weight))
            whole = strength.sum(axis=-1)
            sums = (strength * delay).sum(axis=-1)
            delay_s[piece] = np.divide(sums, whole, out=np.zeros_like(sums), where=whole > 0)
            for subchannel, points in enumerate(at_hz):
                power = np.zeros(weight.shape[:-1])
                for point in points:
                    response = (weight * np.exp(-2j * np.pi * (point * delay % 1))).sum(axis=-1)
                    power += np.square(np.abs(response)) / len(points)
                shape[piece, :, :, subchannel] = power
        mean = shape.mean(axis=-1, keepdims=True)
        return np.divide(shape, mean, out=np.ones_like(shape), where=mean > 0), delay_s

    @cached_property
    def _echoes_s(self) -> float:
        """Return how long what was sent in one slot is heard in the next, at most."""
        paths = self._corpus.paths
        delay = paths["delay"].where(paths["valid"]).max()
        longest = float(np.nan_to_num(delay.values))
        return longest + (_OFF_TIME_S if self._off_time else 0.0)

    def early(self, part: xr.Dataset) -> Bool[np.ndarray, " record"]:
        """Return which captures begin while the slot before can still be heard.

        Captures that leave room for it begin later; of as long as a slot none can.

        Args:
            part: The records, in memory, with :attr:`variables`.
        """
        if "time" not in part or "slot_duration_s" not in self._corpus.dataset.attrs:
            return np.zeros(part.sizes["record"], bool)
        slot_s = float(self._corpus.dataset.attrs["slot_duration_s"])
        into = part["time"].values.astype(np.float64) % slot_s * self._rate_hz
        # A time that rounds to just below the slot's end is that of its first sample.
        into = np.where(slot_s * self._rate_hz - into < 0.5, 0, into)
        return np.asarray(np.round(into) < np.ceil(self._echoes_s * self._rate_hz) - 0.5)

    def of(self, part: xr.Dataset) -> Expected:
        """Return what should be found in some records.

        Args:
            part: The records, in memory, with :attr:`variables`.
        """
        noise_mw = 10 ** (part["noise_power"].values.astype(np.float64) / 10)
        shares = self._shared_out(part, noise_mw)
        shared = shares.spread + shares.spilt
        if not self.exact:
            probability = self._tail.of(shares.spread, shares.spilt, shares.parts)
            return Expected(shared, probability, probability)
        snr = energy(part["signal"].values, noise_mw, self._bins).astype(np.float64)
        level = _HEARD * shared.max(axis=-1, keepdims=True)
        # Nothing is heard of what sends nothing: infinitely many times 0.
        over = np.divide(level, shared, out=np.full_like(shared, np.inf), where=shared > 0)
        freedom = self._tail.freedom(shares.spread, shares.spilt, shares.parts)
        return Expected(
            snr,
            known_signal_tail(self._count, self._level, snr),
            labelled=gammaincc(freedom, freedom * over),
            heard=(snr > level) & (level > 0),
        )

    def _shared_out(self, part: xr.Dataset, noise_mw: Float64[np.ndarray, "record receiver"]) -> _Shares:
        """Return the SNR in each sub-channel: what sites send there, and what neighbours spill."""
        occupied = part["occupancy"].transpose("record", "site", "subchannel").values.astype(np.float64)
        site_mw = 10 ** (part["signal_power"].values.astype(np.float64) / 10)
        shapes, delays_s = self._links
        waypoint = part["waypoint"].values
        shape = shapes[waypoint]  # record receiver site subchannel
        # Of the block that a site's power is the mean of, and of the capture itself.
        in_block = _CONTROL_SHARE if self.control else 0.0
        in_capture = np.full((len(occupied), 1), in_block)
        samples = self._bins.shape[1]
        if self._control_share is not None:
            in_capture = self._control_share.of(part["time"].values.astype(np.float64), samples)
        load = np.einsum("rvsk,rsk->rvs", shape, occupied + in_block * (1 - occupied))
        whole = np.divide(site_mw, load, out=np.zeros_like(site_mw), where=load > 0)
        sent = occupied + in_capture[:, None] * (1 - occupied)
        power = np.einsum("rvs,rvsk,rsk->rvsk", whole, shape, sent)
        # What the capture realised in place of that mean.
        realised = 10 ** (part["snr"].values.astype(np.float64) / 10) * self._band_hz / self._rate_hz
        stated = power.sum(axis=(-1, -2)) / noise_mw
        power *= np.divide(realised, stated, out=np.zeros_like(stated), where=stated > 0)[..., None, None]
        noise = noise_mw[..., None] * (self._count / samples)
        if self._spill is None:
            seen = power.sum(axis=2)
            own = seen * np.diagonal(self._band)
            parts = np.full(noise_mw.shape, samples)
            return _Shares(own / noise, (seen @ self._band.T - own) / noise, parts)
        begin = np.round(part["time"].values * self._rate_hz).astype(np.int64)
        begin = begin[:, None, None] - np.round(delays_s[waypoint] * self._rate_hz).astype(np.int64)
        own, spilt = self._spill.of(power.reshape(-1, power.shape[-1]), begin.reshape(-1))
        of_site = power.sum(axis=-1)
        all_sites = of_site.sum(axis=-1)
        parts = (self._spill.parts(begin) * of_site).sum(axis=-1)
        parts = np.divide(parts, all_sites, out=np.ones_like(parts), where=all_sites > 0)
        return _Shares(
            own.reshape(power.shape).sum(axis=2) / noise,
            spilt.reshape(power.shape).sum(axis=2) / noise,
            np.round(parts).astype(np.int64),
        )


def _alters(settings: dict[str, Any], name: str) -> bool:
    value = settings.get(name)
    return any(value) if isinstance(value, list | tuple) else bool(value)
