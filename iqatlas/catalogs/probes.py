"""Linear probes: can labels be told from what should not tell them?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64

_PERIODS = (2, 3, 4, 5, 7, 8, 10, 16, 20, 32, 64)
"""Periods in slots that the probe on metadata looks for."""
_RIDGE = 1e-3
_SIGMAS = 4.5
_LEAST_EXCESS = 0.03


@dataclass(frozen=True)
class Probe:
    """What a probe found in records that it was not fitted to.

    Args:
        balanced_accuracy: Mean of sensitivity and specificity, over the sub-channels.
        chance: Its 99% interval for a probe that knows nothing.
        beyond: Whether chance does not explain it.
    """

    balanced_accuracy: float
    chance: tuple[float, float]
    beyond: bool


def metadata_features(
    slot: np.ndarray,
    draw: np.ndarray,
    time_s: np.ndarray,
    slot_s: float,
    others: Float64[np.ndarray, "record n"],
) -> Float64[np.ndarray, "record feature"]:
    """Return what is known of records without their samples, with periods of slots.

    Args:
        slot: Slot of each record.
        draw: Its draw.
        time_s: Its time.
        slot_s: Length of a slot.
        others: Further columns, as the SNR level and the noise power.
    """
    turns = 2 * np.pi * slot[:, None] / np.array(_PERIODS)
    own = np.stack([slot, draw, time_s % slot_s, np.arange(len(slot)) % 2], axis=1)
    return np.concatenate([own, others, np.sin(turns), np.cos(turns)], axis=1).astype(np.float64)


def probe(
    features: Float64[np.ndarray, "record feature"],
    label: Bool[np.ndarray, "record subchannel"],
    fitted: Bool[np.ndarray, " record"],
    tested: Bool[np.ndarray, " record"],
    chain: np.ndarray,
) -> Probe | None:
    """Fit a ridge regression to labels in some records, and score its signs in others.

    Classes weigh alike, so that a probe that knows nothing has ½ whatever is occupied. Labels are chains in
    time: the interval counts as many of them as are independent, by the correlation of neighbouring slots and
    sub-channels.

    Args:
        features: Columns.
        label: What is occupied.
        fitted: Records to fit to.
        tested: Records to score.
        chain: A number for each record, the same for records of one slot, in the order of time.

    Returns:
        The score; None where a class is missing everywhere.
    """
    truth = label.astype(np.float64)
    mean = features[fitted].mean(axis=0) if fitted.any() else np.zeros(features.shape[1])
    spread = features[fitted].std(axis=0) if fitted.any() else np.ones(features.shape[1])
    columns = (features - mean)[:, spread > 1e-9] / spread[spread > 1e-9]
    columns = np.concatenate([columns, np.ones((len(columns), 1))], axis=1)
    share_fitted = truth[fitted].mean(axis=0) if fitted.any() else np.zeros(label.shape[1])
    share_tested = truth[tested].mean(axis=0) if tested.any() else np.zeros(label.shape[1])
    usable = (share_fitted > 0) & (share_fitted < 1) & (share_tested > 0) & (share_tested < 1)
    if not usable.any():
        return None
    truth = truth[:, usable]
    x, unseen = columns[fitted], columns[tested]
    predicted = np.empty((len(unseen), truth.shape[1]), bool)
    for place in range(truth.shape[1]):
        own, share = truth[fitted, place], share_fitted[usable][place]
        weight = np.where(own > 0, 1 / share, 1 / (1 - share))
        weighted = (x * weight[:, None]).T
        normal = weighted @ x + _RIDGE * weight.sum() * np.eye(x.shape[1])
        predicted[:, place] = unseen @ np.linalg.solve(normal, weighted @ (2 * own - 1)) > 0
    seen = truth[tested] > 0
    sensitivity = (predicted & seen).sum(axis=0) / seen.sum(axis=0)
    specificity = (~predicted & ~seen).sum(axis=0) / (~seen).sum(axis=0)
    score = float((sensitivity + specificity).mean() / 2)
    sigma = _standard_error(seen, chain[tested])
    return Probe(
        score,
        (max(0.0, 0.5 - 2.576 * sigma), min(1.0, 0.5 + 2.576 * sigma)),
        bool(score - 0.5 > max(_SIGMAS * sigma, _LEAST_EXCESS)),
    )


def _standard_error(label: Bool[np.ndarray, "record subchannel"], chain: np.ndarray) -> float:
    """Return the standard error of the balanced accuracy of who knows nothing."""
    _, first = np.unique(chain, return_index=True)
    states = label[first].astype(np.float64)
    slots, channels = states.shape
    centred = states - states.mean(axis=0)
    variance = max(float(np.square(centred).mean()), 1e-9)
    # Neighbouring slots, and neighbouring sub-channels, of what are one chain or correlated ones.
    memory = float((centred[1:] * centred[:-1]).mean()) / variance if slots > 1 else 0.0
    shared = float((centred[:, 1:] * centred[:, :-1]).mean()) / variance if channels > 1 else 0.0
    memory, shared = float(np.clip(memory, 0, 0.98)), float(np.clip(shared, 0, 1))
    independent = slots * (1 - memory) / (1 + memory)
    independent *= channels / (1 + (channels - 1) * shared)
    share = np.clip(states.mean(axis=0), 1 / (slots + 1), 1 - 1 / (slots + 1))
    balance = float(np.mean(1 / share + 1 / (1 - share)))
    return float(np.sqrt(balance / 16 / max(independent, 1.0)))
