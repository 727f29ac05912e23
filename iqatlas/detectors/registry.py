"""All classical detectors: the one list that commands, tables and verdicts go by.

A new one is a file with a class, and a line here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from iqatlas.detectors.cyclic_coherence import CyclicCoherenceDetector
from iqatlas.detectors.dandawate_giannakis import DandawateGiannakisDetector
from iqatlas.detectors.detector import Detector, DetectorSetting
from iqatlas.detectors.eigenvalue import EigenvalueRatioDetector, LargestEigenvalueDetector
from iqatlas.detectors.energy import EnergyDetector
from iqatlas.detectors.prefix_correlation import PrefixDetector
from iqatlas.detectors.synchronisation import SynchronisationDetector
from iqatlas.detectors.uncertain_energy import EstimatedEnergyDetector, UncertainEnergyDetector
from iqatlas.errors import SpecError, nearest


@dataclass(frozen=True)
class Entry:
    """A detector that can be asked for by name.

    Args:
        name: Its name.
        make: Makes it for a setting; raises SpecError where captures don't suit it.
        needs_noise_power: Whether it has to be told the noise power.
        finds: What it decides on: each sub-channel, or whether there is a cell.
        what: What it looks at, in a few words.
    """

    name: str
    make: Callable[[DetectorSetting], Detector]
    needs_noise_power: bool
    finds: str
    what: str


_SUBCHANNEL, _CELL = "subchannel", "cell"

DETECTORS: dict[str, Entry] = {
    kind.name: Entry(kind.name, kind, needs, finds, what)
    for kind, needs, finds, what in (
        (EnergyDetector, True, _SUBCHANNEL, "energy over known noise"),
        (EstimatedEnergyDetector, False, _SUBCHANNEL, "energy over noise beside the band"),
        (UncertainEnergyDetector, True, _SUBCHANNEL, "energy, noise known within 1 dB"),
        (PrefixDetector, False, _SUBCHANNEL, "correlation at the prefix lag"),
        (DandawateGiannakisDetector, False, _SUBCHANNEL, "line of the prefix at the symbol rate"),
        (CyclicCoherenceDetector, False, _SUBCHANNEL, "largest cyclic coherence"),
        (LargestEigenvalueDetector, True, _SUBCHANNEL, "largest eigenvalue of all receivers"),
        (EigenvalueRatioDetector, False, _SUBCHANNEL, "largest over smallest eigenvalue"),
        (SynchronisationDetector, True, _CELL, "matched filter for the PSS"),
    )
}
"""By name, in the order in which they are shown."""


def made_for(
    setting: DetectorSetting, names: Iterable[str] | None = None
) -> tuple[dict[str, Detector], dict[str, str]]:
    """Return the detectors that suit captures, and why the others don't.

    Args:
        setting: The captures.
        names: Which are wanted; all without it.

    Returns:
        Detectors by name; one line for each that is left out, by name.

    Raises:
        SpecError: There is no detector of a name.
    """
    wanted = list(dict.fromkeys(DETECTORS if names is None else names))
    for name in wanted:
        if name not in DETECTORS:
            near = nearest(name, DETECTORS)
            raise SpecError(
                f"no detector {name!r}" + (f", did you mean {near!r}?" if near else ""),
                where="--detectors",
                accepted=", ".join(DETECTORS),
            )
    made: dict[str, Detector] = {}
    left_out: dict[str, str] = {}
    for name in wanted:
        try:
            made[name] = DETECTORS[name].make(setting)
        except SpecError as failure:
            left_out[name] = failure.line()
    return made, left_out


def refuse_none(suit: Collection[str], left_out: Mapping[str, str]) -> None:
    """Refuse to go on without a detector.

    Args:
        suit: Names of detectors that suit the captures.
        left_out: One line for each detector that doesn't, by name.

    Raises:
        SpecError: There is none.
    """
    if not suit:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items())
        raise SpecError(
            f"no detector to run ({reasons})" if reasons else "no detector to run",
            where="--detectors",
            accepted=", ".join(name for name in DETECTORS if name not in left_out),
        )
