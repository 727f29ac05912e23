"""How well the sites cover the city at one height: a value, whoever works it out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64


@dataclass(frozen=True, eq=False)
class Coverage:
    """Path gain over a horizontal grid, without interference between paths.

    Args:
        path_gain: Path gain from each site to each cell; 0 where nothing arrives.
        east_m: Middle of the cells.
        north_m: Middle of the cells.
        height_m: Height of the grid in the local frame.
    """

    path_gain: Float64[np.ndarray, "site north east"]
    east_m: Float64[np.ndarray, "east"]
    north_m: Float64[np.ndarray, "north"]
    height_m: float
