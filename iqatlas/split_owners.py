"""Whom a split belongs to: the one rule of which receivers' captures may be used in its records."""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Int64

_GUARD = "guard"


def own_receivers(labelled: xr.Dataset | xr.DataArray, split: str) -> Int64[np.ndarray, " own"] | None:
    """Return the places of a split's receivers; None where all of them belong to it.

    Only where splits are by receiver do receivers have splits of their own. The guard is nobody's, and all
    receivers hear it. By site nothing is to be left out: sites of other splits are silent in the records.

    Args:
        labelled: Records with their coordinates, or one variable of them.
        split: Name of the split.
    """
    if "receiver_split" not in labelled.coords or split == _GUARD:
        return None
    return np.flatnonzero(labelled["receiver_split"].values.astype("<U10") == split).astype(np.int64)
