"""Does a corpus behave as theory says? Each expectation with a yes or a no, and figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from iqatlas.detectors.assessment import Assessment
from iqatlas.detectors.scores import binomial_interval, binomial_p_value
from iqatlas.detectors.tallies import CONFIDENCE, Tally

LEAST_P_VALUE = 1e-4
"""Of sound corpora one in ten thousand is held to be wrong by chance."""
_SIGMAS = 4.4
"""Of a hundred thousand sound figures one is farther from what is expected by chance."""
_MODEL = {"exact": 0.002, "control": 0.04, "plain": 0.03}
"""How far theory itself may be off: powers of sub-channels are worked out, not stored, without components."""
_LEAST_CASES = 30
_NEAR_DESIGN = 0.05


@dataclass(frozen=True)
class Verdict:
    """One expectation.

    Args:
        name: What it is about, in a word or two.
        holds: Whether it holds.
        text: The line to show: the expectation, yes or no, and the figures.
        binding: Whether a corpus for which it does not hold is unsound.
    """

    name: str
    holds: bool
    text: str
    binding: bool = True


def verdicts(found: Assessment) -> tuple[Verdict, ...]:
    """Return what is to be expected of a corpus, and whether it holds.

    Args:
        found: What detectors made of the corpus.
    """
    return tuple(_all(found))


def sound(judged: tuple[Verdict, ...]) -> bool:
    """Return whether every binding expectation holds."""
    return all(verdict.holds for verdict in judged if verdict.binding)


def _all(found: Assessment) -> Iterator[Verdict]:
    for name, (hits, trials) in found.noise.items():
        yield _noise_verdict(name, hits, trials, found.false_alarm)
    if found.theory is not None:
        yield from _theory_verdicts(found)
    for name, tally in found.tallies.items():
        if name == "pss":
            continue  # whether a capture holds the signal is a matter of its time, not of its sub-channels
        holds = rises(tally)
        answer = "yes" if holds else "no"
        yield Verdict(
            "monotone in SNR",
            holds,
            f"P_D rises with the SNR at every receiver: {answer} ({name})",
            # Of other detectors P_D may fall, where several signals add up to what looks less like one.
            binding=name == "energy",
        )


def _noise_verdict(name: str, hits: int, trials: int, designed: float) -> Verdict:
    low, high = binomial_interval(hits, trials, CONFIDENCE)
    holds = binomial_p_value(hits, trials, designed) >= LEAST_P_VALUE
    return Verdict(
        "P_FA as designed",
        holds,
        f"P_FA on noise alone {hits / trials:.4f}, designed {designed:g}, 99% interval {low:.4f} to "
        f"{high:.4f}: {'yes' if holds else 'no'} ({name})",
    )


def _theory_verdicts(found: Assessment) -> Iterator[Verdict]:
    theory, tally = found.theory, found.tallies["energy"]
    if theory is None:
        return
    agree = theory.mislabelled == 0
    yield Verdict(
        "labels",
        agree,
        "labels are the OR of what sites send: "
        + ("yes" if agree else f"no, {theory.mislabelled:,} of them are not"),
    )
    model = _MODEL["exact" if theory.exact else "control" if theory.control else "plain"]
    for kind, name, what in ((1, "P_D against theory", "P_D"), (0, "P_FA against theory", "P_FA")):
        sums = theory.sums[:, :, kind]
        if not theory.exact and not theory.timed:
            # Control at unknown times: judged where it hardly matters when.
            near = sums[..., 2] <= (found.false_alarm + _NEAR_DESIGN) * sums[..., 0]
            sums = sums * (near | bool(kind))[..., None]
        off = _worst(sums, model)
        if off is None:
            continue
        distance, excess, where = off
        holds = excess <= 0
        yield Verdict(
            name,
            holds,
            f"{what} of energy against theory, from each record's exact SNR: {'yes' if holds else 'no'}, "
            f"{distance:.3f} apart at worst ({tally.levels[where[0]]:g} dB, {tally.receivers[where[1]]})",
            binding=found.ideal,
        )


def _worst(sums: np.ndarray, model: float) -> tuple[float, float, tuple[int, int]] | None:
    """Return the distance of found and expected at worst, by how much one passes chance, and where."""
    cases = sums[..., 0]
    known = cases >= _LEAST_CASES
    if not known.any():
        return None
    some = np.maximum(cases, 1)
    distance = np.where(known, np.abs(sums[..., 1] - sums[..., 2]) / some, 0)
    # Half a case for the step of a count.
    chance = _SIGMAS * np.sqrt(sums[..., 3]) / some + 0.5 / some
    excess = np.where(known, distance - chance - model, -np.inf)
    # Where theory fails, the place of its failure; else that of the largest distance.
    worst = np.unravel_index(int(np.argmax(excess if excess.max() > 0 else distance)), excess.shape)
    return float(distance[worst]), float(excess.max()), (int(worst[0]), int(worst[1]))


def rises(tally: Tally) -> bool:
    """Return whether no P_D falls from a level to a higher one by more than chance allows."""
    totals = tally.counts.sum(axis=2)
    for receiver in range(totals.shape[1]):
        floor = 0.0
        for hits, misses in totals[:, receiver, :2].tolist():
            if not hits + misses:
                continue
            low, high = binomial_interval(hits, hits + misses, CONFIDENCE)
            if high < floor:
                return False
            floor = max(floor, low)
    return True
