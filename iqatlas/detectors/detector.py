"""What every detector of occupied sub-channels is: a statistic, a threshold, a theory."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Complex64, Float64

from iqatlas.errors import SpecError
from iqatlas.features.setting import CaptureSetting


@dataclass(frozen=True, eq=False)
class DetectorSetting:
    """What detectors have to know of captures beside their samples.

    Args:
        captures: Length, sampling rate, sub-channel edges, and the clock of the waveform's symbols.
        receivers: Receivers that hear each record.
        synchronisation: Whether the transmitters send LTE synchronisation signals.
        seed: Seed of what is calibrated by Monte Carlo.
    """

    captures: CaptureSetting
    receivers: int
    synchronisation: bool = False
    seed: int = 0

    @property
    def subchannels(self) -> int:
        """Number of sub-channels."""
        return len(self.captures.subchannel_edges_hz)


@runtime_checkable
class Detector(Protocol):
    """A detector that is made for one setting: arrays of captures in, arrays out, no state.

    Classical ones inherit :meth:`decide`. One whose threshold is not set by a probability of false alarm
    (a learned one: its statistic is a probability, its threshold ½) says so in ``calibrated``.
    """

    @property
    def name(self) -> str:
        """Name, as ``--detectors`` takes it."""

    @property
    def calibrated(self) -> bool:
        """Whether the threshold keeps the probability of false alarm that it is asked for, on noise."""
        return True

    @property
    def probability(self) -> bool:
        """Whether the statistic is a probability of being occupied."""
        return False

    @property
    def fuses(self) -> bool:
        """Whether all receivers are decided on together, so that they get one decision."""
        return False

    @property
    def noise_excess(self) -> float:
        """By how much noise may exceed what the detector is told, at which P_FA is the designed one."""
        return 1.0

    @abstractmethod
    def statistic(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
    ) -> Float64[np.ndarray, "record receiver subchannel"]:
        """Return what is compared with the threshold: the larger, the more likely occupied.

        Args:
            iq: Captures in √mW.
            noise_power_mw: Noise power over the sampling bandwidth.
        """

    @abstractmethod
    def threshold(self, false_alarm: float) -> Float64[np.ndarray, " subchannel"]:
        """Return what the statistic of noise alone exceeds with a probability of ``false_alarm``."""

    def detection_probability(
        self, false_alarm: float, snr: Float64[np.ndarray, "*batch subchannel"]
    ) -> Float64[np.ndarray, "*batch subchannel"] | None:
        """Return P_D by theory, None where there is none.

        Args:
            false_alarm: Probability of false alarm that sets the threshold.
            snr: Ratio γ of signal to noise power in each sub-channel.
        """
        del false_alarm, snr
        return None

    def decide(
        self,
        iq: Complex64[np.ndarray, "record receiver sample"],
        noise_power_mw: Float64[np.ndarray, "record receiver"],
        false_alarm: float,
    ) -> Bool[np.ndarray, "record receiver subchannel"]:
        """Return what is taken for occupied."""
        return np.asarray(self.statistic(iq, noise_power_mw) > self.threshold(false_alarm))


def check_false_alarm(false_alarm: float) -> float:
    """Return a probability of false alarm, if it is one.

    Raises:
        SpecError: It is not between 0 and 1.
    """
    if not 0 < false_alarm < 1:
        raise SpecError(f"{false_alarm:g} is no probability of false alarm", accepted="between 0 and 1")
    return false_alarm
