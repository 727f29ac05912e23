"""Put the paths of several receivers side by side, padded to the most paths and the deepest path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np


def join_receivers(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Return arrays on [waypoint, receiver, site, path, …] from one part a receiver.

    Args:
        parts: Arrays by name on [waypoint, site, path, …]; lengths of path and of later axes may
            differ between parts. Floats on later axes are padded with NaN, everything else with 0.
    """
    joined = {}
    for name, first in parts[0].items():
        longest = np.max([part[name].shape for part in parts], axis=0)
        filler = np.nan if first.ndim > 3 and first.dtype.kind == "f" else 0
        padded = [
            np.pad(
                part[name],
                [(0, int(target - have)) for target, have in zip(longest, part[name].shape, strict=True)],
                constant_values=filler,
            )
            for part in parts
        ]
        joined[name] = np.stack(padded, axis=1)
    return joined
