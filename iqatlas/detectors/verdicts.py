"""Does a corpus behave as theory says? Each expectation with a yes or a no, and figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from iqatlas.detectors.assessment import Assessment, EnergyTheory
from iqatlas.detectors.scores import binomial_interval, binomial_p_value
from iqatlas.detectors.tallies import CONFIDENCE, Tally

LEAST_P_VALUE = 1e-4
"""Of sound corpora one in ten thousand is held to be wrong by chance."""
_SIGMAS = 4.4
"""Of a hundred thousand sound figures one is farther from what is expected by chance."""
_MODEL = {"exact": 0.002, "control": 0.04, "plain": 0.03}
"""How far theory itself may be off: powers of sub-channels are worked out, not stored, without components."""
_STEADY_MODEL = 0.1
"""The same of what is heard of carriers whose power is steady, where theory takes a signal for Gaussian."""
_COMPONENTS = "; to be sure, store components (storage.components: true)"
_VERIFY = "; iqatlas verify tells whether it is as it was made"
_SIDES = ("before", "after")
_LEAST_CASES = 30
_NEAR_DESIGN = 0.05
_SHOWN_SIGMAS = 2.33
"""Of a hundred shifted corpora one is missed at a level and receiver at which the shift is to show."""


@dataclass(frozen=True)
class Verdict:
    """One expectation.

    Args:
        name: What it is about, in a word or two.
        holds: Whether it holds; false where it could not be judged, which is never binding.
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
        yield _rising_verdict(name, tally)


def _rising_verdict(name: str, tally: Tally) -> Verdict:
    judged = several_levels(tally)
    holds = judged and rises(tally)
    answer = ("yes" if holds else _fallen(tally)) if judged else "not judged, one level"
    return Verdict(
        "monotone in SNR",
        holds,
        f"P_D rises with the SNR at every receiver: {answer} ({name})",
        # Of other detectors P_D may fall, where several signals add up to what looks less like one.
        binding=judged and name == "energy",
    )


def _noise_verdict(name: str, hits: int, trials: int, designed: float) -> Verdict:
    low, high = binomial_interval(hits, trials, CONFIDENCE)
    holds = binomial_p_value(hits, trials, designed) >= LEAST_P_VALUE
    return Verdict(
        "P_FA as designed",
        holds,
        f"P_FA on noise alone {hits / trials:.4f}, designed {designed:g}, 99% interval {low:.4f} to "
        f"{high:.4f}: {'yes' if holds else 'no, its threshold is off'} ({name})",
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
        + ("yes" if agree else f"no, {theory.mislabelled:,} of them are not{_VERIFY}"),
    )
    worked_out = _MODEL["control" if theory.control else "plain"]
    model = _MODEL["exact"] if theory.exact else worked_out
    for kind, name, what in ((1, "P_D against theory", "P_D"), (0, "P_FA against theory", "P_FA")):
        sums = theory.sums[:, :, kind]
        text = f"{what} of energy against theory, from each record's exact SNR: "
        if not theory.exact and not kind:
            sums = sums * _timely(theory, found.false_alarm)[..., None]
        off = _worst(sums, model)
        if off is None:
            if not theory.exact and not kind and _worst(theory.sums[:, :, kind], model) is not None:
                yield Verdict(name, False, f"{text}not judged, {_untold(theory)}{_COMPONENTS}", binding=False)
            continue
        distance, excess, where = off
        holds = excess <= 0
        remedy = "" if holds else _VERIFY if theory.exact else _COMPONENTS
        yield Verdict(
            name,
            holds,
            f"{text}{'yes' if holds else 'no'}, {distance:.3f} apart at worst "
            f"({tally.levels[where[0]]:g} dB, {tally.receivers[where[1]]}){remedy}",
            binding=found.ideal,
        )
    timely = _timely(theory, 0.0 if theory.exact else found.false_alarm)
    if theory.exact:
        worked_out = worked_out if theory.gaussian else _STEADY_MODEL
        yield _heard_verdict(found, theory, timely, worked_out)
    yield _shift_verdict(found, theory, timely, worked_out)


def _untold(theory: EnergyTheory) -> str:
    if theory.spectrum_known:
        return "it is not known when vacant sub-channels carry control"
    return "what occupied sub-channels spill into vacant ones is not known"


def _timely(theory: EnergyTheory, design: float) -> Bool[np.ndarray, "level receiver"]:
    """Return where vacant sub-channels can be judged.

    With control at unknown times, or spectra that are not those of plain symbols, where both hardly matter.
    """
    if theory.timed and theory.spectrum_known:
        return np.ones(theory.labelled.shape[:2], bool)
    vacant = theory.labelled[:, :, 0]
    return np.asarray(vacant[..., 2] <= (design + _NEAR_DESIGN) * vacant[..., 0])


def _heard_verdict(
    found: Assessment, theory: EnergyTheory, timely: Bool[np.ndarray, "level receiver"], model: float
) -> Verdict:
    """Return whether the stored signal is where labels say, chance being that of its payload alone."""
    tally = found.tallies["energy"]
    name, text = "labels against signal", "the stored signal is in the sub-channels that labels say: "
    kinds = (theory.labelled[:, :, 0] * timely[..., None], theory.labelled[:, :, 1])
    off = [worst for sums in kinds if (worst := _worst(sums, model, theory.repeats)) is not None]
    if not off:
        return Verdict(name, False, f"{text}not judged, too few cases", binding=False)
    distance, excess, where = max(off, key=lambda worst: (worst[1] > 0, worst[0]))
    return Verdict(
        name,
        excess <= 0,
        f"{text}{'yes' if excess <= 0 else 'no'}, shares {distance:.3f} apart at worst "
        f"({tally.levels[where[0]]:g} dB, {tally.receivers[where[1]]}){'' if excess <= 0 else _VERIFY}",
        binding=found.ideal,
    )


def _shift_verdict(
    found: Assessment, theory: EnergyTheory, timely: Bool[np.ndarray, "level receiver"], model: float
) -> Verdict:
    """Return whether labels that differ from the next slot's, or the last one's, are those of their slot.

    Of labels that are a slot late every one that differs from the next is wrong, of those that are early
    every one that differs from the last: what should be found of the one class is found of the other.
    """
    whole, some = theory.labelled, theory.switched.copy()
    some[:, :, :, 0] *= timely[:, :, None, None]
    share = whole[..., 2] / np.maximum(whole[..., 0], 1)
    known = (whole[..., 0] >= _LEAST_CASES).all(axis=-1) & (share[..., 1] > share[..., 0])
    apart = np.where(known, share[..., 1] - share[..., 0], 0.0)[..., None]
    cases = some[..., 0].sum(axis=-1)
    wrong = (some[..., 1] - some[..., 2]) @ np.array([1.0, -1.0])
    chance = _SIGMAS * np.sqrt(some[..., 3].sum(axis=-1) * theory.repeats) + 0.5 + model * cases
    # What another class would scatter, were labels those of the slot beside.
    scatter = np.einsum("lrsk,lrk->lrs", some[..., 0], (share * (1 - share))[..., ::-1])
    shows = apart * cases > chance + _SHOWN_SIGMAS * np.sqrt(scatter * theory.repeats)
    beyond = np.where(known[..., None], wrong - chance, -np.inf)
    fails = bool((beyond > 0).any())
    judged = fails or bool(shows.any(axis=(0, 1)).all())
    answer = "yes" if judged else "not judged, a shift would not show beyond chance"
    if fails:
        level, receiver, side = np.unravel_index(int(beyond.argmax()), beyond.shape)
        tally, of = found.tallies["energy"], float(cases[level, receiver, side])
        off, by_chance = (values[level, receiver, side] / of for values in (wrong, chance))
        answer = (
            f"no, where they differ from the slot {_SIDES[side]} energy is {off:.3f} nearer to that slot "
            f"than it should be, {by_chance:.3f} by chance ({tally.levels[level]:g} dB, "
            f"{tally.receivers[receiver]}){_VERIFY if theory.exact else _COMPONENTS}"
        )
    return Verdict(
        "labels in time",
        judged and not fails,
        f"labels change in the slot in which the signal does: {answer}",
        binding=found.ideal and judged,
    )


def _worst(
    sums: Float64[np.ndarray, "level receiver 4"], model: float, repeats: int = 1
) -> tuple[float, float, tuple[int, int]] | None:
    """Return the distance of found and expected at worst, by how much one passes chance, and where."""
    cases = sums[..., 0]
    known = cases >= _LEAST_CASES * repeats
    if not known.any():
        return None
    some = np.maximum(cases, 1)
    distance = np.where(known, np.abs(sums[..., 1] - sums[..., 2]) / some, 0)
    # Half a case for the step of a count.
    chance = _SIGMAS * np.sqrt(sums[..., 3] * repeats) / some + 0.5 / some
    excess = np.where(known, distance - chance - model, -np.inf)
    # Where theory fails, the place of its failure; else that of the largest distance.
    worst = np.unravel_index(int(np.argmax(excess if excess.max() > 0 else distance)), excess.shape)
    return float(distance[worst]), float(excess.max()), (int(worst[0]), int(worst[1]))


def rises(tally: Tally) -> bool:
    """Return whether no P_D falls from a level to a higher one by more than chance allows.

    Two levels of a receiver whose exact intervals miss each other are a fall; of all pairs together one in
    ten thousand does by chance.
    """
    return _fall(tally) is None


def _fallen(tally: Tally) -> str:
    fall = _fall(tally)
    if fall is None:
        return "yes"
    receiver, level, low, high = fall
    where = "" if tally.fuses else f", {tally.receivers[receiver]}"
    return (
        f"no, to {high:.3f} or less from {low:.3f} or more at a lower one ({tally.levels[level]:g} dB{where})"
    )


def _fall(tally: Tally) -> tuple[int, int, float, float] | None:
    """Return receiver, level, and the bounds of P_D below it and at it, of the first fall beyond chance."""
    totals = _receivers_apart(tally)
    levels = (totals.sum(axis=2) > 0).sum(axis=0)
    pairs = int((levels * (levels - 1) // 2).sum())
    confidence = 1 - LEAST_P_VALUE / max(1, pairs)
    for receiver in range(totals.shape[1]):
        floor = 0.0
        for level, (hits, misses) in enumerate(totals[:, receiver].tolist()):
            if not hits + misses:
                continue
            low, high = binomial_interval(hits, hits + misses, confidence)
            if high < floor:
                return receiver, level, floor, high
            floor = max(floor, low)
    return None


def several_levels(tally: Tally) -> bool:
    """Return whether a receiver has occupied cases at two SNR levels or more, so that P_D can rise."""
    return bool(((_receivers_apart(tally).sum(axis=2) > 0).sum(axis=0) > 1).any())


def _receivers_apart(tally: Tally) -> Int64[np.ndarray, "level receiver 2"]:
    """Return hits and misses; the one decision of all receivers once."""
    return np.asarray(tally.counts[:, : 1 if tally.fuses else None, :, :2].sum(axis=2))
