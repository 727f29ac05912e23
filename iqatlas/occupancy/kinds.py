"""The chains of a spec, whatever their kind."""

from __future__ import annotations

from pathlib import Path

from iqatlas.occupancy.markov import MarkovChains
from iqatlas.occupancy.semi_markov import SemiMarkovChains
from iqatlas.occupancy.spec import MarkovOccupancy, SemiMarkovOccupancy, TraceOccupancy, UserOccupancy
from iqatlas.occupancy.theory import Chains
from iqatlas.occupancy.trace import TraceChains
from iqatlas.occupancy.users import UserChains


def chains_for(
    spec: MarkovOccupancy | SemiMarkovOccupancy | UserOccupancy | TraceOccupancy,
    *,
    sites: int,
    subchannels: int,
    slots: int,
    draws: int,
    seed: int,
    folder: Path,
) -> Chains:
    """Return the chains that a spec asks for; only a trace reads a file.

    Args:
        spec: The spec's occupancy.
        sites, subchannels: How many chains.
        slots, draws: What is drawn of them.
        seed: The spec's seed.
        folder: Folder that the path of a trace is relative to.

    Raises:
        IqAtlasError: The spec doesn't fit the sites and sub-channels, or the trace can't be used.
    """
    if isinstance(spec, TraceOccupancy):
        return TraceChains(
            spec, folder=folder, sites=sites, subchannels=subchannels, slots=slots, draws=draws
        )
    if isinstance(spec, UserOccupancy):
        return UserChains(spec, sites=sites, subchannels=subchannels, seed=seed)
    if isinstance(spec, SemiMarkovOccupancy):
        return SemiMarkovChains(spec, sites=sites, subchannels=subchannels, seed=seed)
    return MarkovChains(spec, sites=sites, subchannels=subchannels, slots=slots, seed=seed)
