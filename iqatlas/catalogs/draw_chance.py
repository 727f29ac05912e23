"""How often independent draws of chains are the same by chance."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool


def expected_pairs_alike(states: Bool[np.ndarray, "draw slot chain"], *, independent: bool) -> float:
    """Return how many pairs of draws are expected to be the same where all draws are independent.

    Each chain is taken for one of Markov with the shares and the transitions that it has over all draws; two
    of them are the same over L slots with probability v M^(L−1) 1, v and M holding the squares of the
    probabilities.

    Args:
        states: What is occupied.
        independent: Whether chains know nothing of each other; otherwise only that which varies most counts.
    """
    draws, slots, _ = states.shape
    occupied = states.mean(axis=(0, 1))
    share = np.stack([1 - occupied, occupied])
    before, after = states[:, :-1], states[:, 1:]
    same = np.square(share)  # state chain
    moved = []
    for state in (False, True):
        cases = np.maximum((before == state).sum(axis=(0, 1)), 1)
        stays = ((before == state) & (after == state)).sum(axis=(0, 1))
        moved.append(1 - stays / cases)
    p01, p10 = moved
    for _ in range(slots - 1):
        vacant, busy = same
        same = np.stack(
            [
                vacant * np.square(1 - p01) + busy * np.square(p10),
                vacant * np.square(p01) + busy * np.square(1 - p10),
            ]
        )
    alike = same.sum(axis=0)
    together = alike.prod() if independent else alike.min()
    return float(draws * (draws - 1) / 2 * together)
