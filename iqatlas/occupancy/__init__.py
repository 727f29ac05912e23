"""Who transmits when: Markov chains, heavy-tailed dwell times, users and traces, and estimates from data."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iqatlas.occupancy.estimation import ChainEstimates, estimate, run_lengths

__all__ = ["ChainEstimates", "estimate", "run_lengths"]


def __getattr__(name: str) -> object:
    # On first use: the models of a spec, which import this folder, need neither SciPy nor xarray.
    if name not in __all__:
        raise AttributeError(f"module 'iqatlas.occupancy' has no attribute {name!r}")
    return getattr(import_module("iqatlas.occupancy.estimation"), name)
