"""The interface of every kind of waveform: what a site sends, in windows of absolute time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Complex64, Float64, Int64, UInt64

from iqatlas.waveforms.request import Request


@dataclass(frozen=True, eq=False)
class Layout:
    """Where a waveform lies in frequency, and its clock.

    Args:
        sites: Number of sites.
        sample_rate_hz: Sampling rate of the baseband.
        switching_samples: Samples of which occupancy slots are multiples.
        subcarrier_hz: Frequencies, relative to the carrier, at which the spectrum is given.
        subchannel_subcarriers: Those of each sub-channel, as places on the axis ``subcarrier``.
        subchannel_edges_hz: Lower and upper edge of each sub-channel, relative to the carrier.
    """

    sites: int
    sample_rate_hz: float
    switching_samples: int
    subcarrier_hz: Float64[np.ndarray, "subcarrier"]
    subchannel_subcarriers: Int64[np.ndarray, "subchannel inside"]
    subchannel_edges_hz: Float64[np.ndarray, "subchannel 2"]


class Baseband(ABC):
    """What sites send, in order of the sites.

    A kind of waveform says its layout, its mean spectrum and how a window is made.

    Args:
        layout: Where it lies in frequency, and its clock.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout

    @property
    def sites(self) -> int:
        """Number of sites."""
        return self.layout.sites

    @property
    def sample_rate_hz(self) -> float:
        """Sampling rate of the baseband."""
        return self.layout.sample_rate_hz

    @property
    def samples_per_slot(self) -> int:
        """Samples in 0.5 ms: a slot of LTE, and the unit in which occupancy of other kinds is switched."""
        return round(self.sample_rate_hz / 2000)

    @property
    def switching_samples(self) -> int:
        """Samples of which occupancy slots are multiples."""
        return self.layout.switching_samples

    @property
    def subcarrier_hz(self) -> Float64[np.ndarray, "subcarrier"]:
        """Frequencies, relative to the carrier, at which the spectrum is given."""
        return self.layout.subcarrier_hz

    @property
    def subchannel_subcarriers(self) -> Int64[np.ndarray, "subchannel subcarrier"]:
        """Those of each sub-channel, as places on the axis ``subcarrier``."""
        return self.layout.subchannel_subcarriers

    @property
    def subchannel_edges_hz(self) -> Float64[np.ndarray, "subchannel 2"]:
        """Lower and upper edge of each sub-channel, relative to the carrier."""
        return self.layout.subchannel_edges_hz

    @abstractmethod
    def full_load_spectrum(self) -> Float64[np.ndarray, "site subcarrier"]:
        """Return the mean power, mW, at each frequency with all sub-channels occupied."""

    def synthesise(
        self,
        *,
        start_sample: Int64[np.ndarray, "record"],
        samples: int,
        occupancy: Bool[np.ndarray, "record slot site subchannel"],
        first_slot: Int64[np.ndarray, "record"],
        slot_samples: int,
        keys: UInt64[np.ndarray, "record site 2"],
    ) -> Complex64[np.ndarray, "record site sample"]:
        """Return each site's transmitted baseband, √mW, in a window for each record.

        A window equals the same samples of a longer one, whatever else is in the batch: LTE bit for
        bit, others and real transmitters to rounding of float32.

        Args:
            start_sample: First sample of each window. Sample 0 begins radio frame 0, and negative
                ones come before it.
            samples: Length of the windows.
            occupancy: Which sub-channels each site occupies in the occupancy slots around each
                window. A symbol of LTE belongs as a whole to the slot that its prefix begins in.
            first_slot: Occupancy slot, counted from sample 0, of the first entry on the axis
                ``slot``. Slots before the first entry and after the last one take the nearest.
            slot_samples: Samples in an occupancy slot; coded payload needs whole subframes.
            keys: Payload key of each record and site (see :func:`iqatlas.seeds.key`).

        Raises:
            SpecError: Shapes that don't fit each other, a length below one sample, or coded payload
                in slots that cut subframes.
        """
        request = Request(start_sample, samples, occupancy, first_slot, slot_samples, keys)
        request.check(sites=self.sites, subchannels=len(self.subchannel_edges_hz))
        return self.windows(request)

    @abstractmethod
    def windows(self, request: Request) -> Complex64[np.ndarray, "record site sample"]:
        """Return what :meth:`synthesise` returns, for a request whose shapes fit.

        Args:
            request: What is asked for.
        """
