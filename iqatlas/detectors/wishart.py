"""Largest eigenvalues of Wishart matrices: exact for few sensors, Tracy-Widom for many."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import scipy.optimize
import scipy.special
from jaxtyping import Float64

from iqatlas.detectors.detector import check_false_alarm

MOST_EXACT_SENSORS = 4
"""With more sensors the determinants of the exact law lose their digits."""
_NODES = 48
_FAR = 12.0
"""The Airy kernel is below 1e-24 so far beyond 0."""


def tracy_widom(value: float) -> float:
    """Return the distribution F₂ of Tracy and Widom: det(1 − K) on (s, ∞), K the Airy kernel.

    Args:
        value: s.

    Source: C. A. Tracy, H. Widom, "Level-spacing distributions and the Airy kernel", 1994, equation 1.3, by
    the quadrature of F. Bornemann, "On the numerical evaluation of Fredholm determinants", 2010, section 4.
    """
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    half = (_FAR - min(value, _FAR - 1)) / 2
    x = value + half * (nodes + 1)
    root = np.sqrt(weights * half)
    airy, slope, _, _ = scipy.special.airy(x)
    apart = x[:, None] - x[None]
    np.fill_diagonal(apart, 1)
    kernel = (airy[:, None] * slope[None] - slope[:, None] * airy[None]) / apart
    np.fill_diagonal(kernel, slope**2 - x * airy**2)
    return float(np.linalg.det(np.eye(_NODES) - root[:, None] * kernel * root[None]))


@lru_cache(maxsize=256)
def tracy_widom_quantile(probability: float) -> float:
    """Return F₂⁻¹ of a probability, between 0 and 1.

    Raises:
        SpecError: It is no probability.
    """
    check_false_alarm(probability)
    return float(scipy.optimize.brentq(lambda s: tracy_widom(s) - probability, -9.0, 8.0, xtol=1e-10))


def tracy_widom_threshold(sensors: int, samples: int, false_alarm: float) -> float:
    """Return the threshold on λ_max of a sample covariance of unit noise: (μ + ν F₂⁻¹(1−P))/N.

    Args:
        sensors: M.
        samples: N.
        false_alarm: Probability P of false alarm.

    Raises:
        SpecError: The probability is not between 0 and 1.

    Source: I. M. Johnstone, "On the distribution of the largest eigenvalue in principal components
    analysis", 2001, and K. Johansson, "Shape fluctuations and random matrices", 2000, for complex data.
    """
    wide, tall = np.sqrt(sensors), np.sqrt(samples)
    spread = (wide + tall) * (1 / wide + 1 / tall) ** (1 / 3)
    quantile = tracy_widom_quantile(1 - check_false_alarm(false_alarm))
    return float(((wide + tall) ** 2 + spread * quantile) / samples)


def largest_below(value: float, sensors: int, samples: int, spike: float = 0.0) -> float:
    """Return the probability that λ_max of a sample covariance stays below a value.

    Noise has unit power at each sensor; one Gaussian signal reaches all sensors by one vector.

    Args:
        value: The value.
        sensors: M, up to :data:`MOST_EXACT_SENSORS` and not more than N.
        samples: N.
        spike: Power of the signal over that of the noise, summed over the sensors.

    Source: C. G. Khatri, "Distribution of the largest or the smallest characteristic root under null
    hypothesis concerning complex multivariate normal populations", 1964; with the signal, the density of
    A. T. James, 1964, equation 95, integrated by Andréief's identity, all other roots being alike.
    """
    x = samples * value
    j = np.arange(1, sensors + 1)
    # Rows are integrals of t^(a-1) e^(-t) up to x. All is divided by a power of N a row and a column.
    rows, ratio = [], 1 / (1 + spike)
    k_first = 0
    if spike > 0:
        shape = samples - sensors + j
        size = scipy.special.gammaln(shape) - j * np.log(samples)
        rows.append((scipy.special.gammainc(shape, x * ratio), size - shape * np.log(ratio)))
        k_first = 1
    for k in range(sensors - k_first):
        shape = samples - sensors + j + k
        size = scipy.special.gammaln(shape) - (j + k) * np.log(samples)
        rows.append((scipy.special.gammainc(shape, x), size))
    logs = np.array([size for _, size in rows])
    logs -= logs.max(axis=1, keepdims=True)
    whole = np.exp(logs)
    part = whole * np.array([share for share, _ in rows])
    return float(np.clip(np.linalg.det(part) / np.linalg.det(whole), 0, 1))


@lru_cache(maxsize=256)
def largest_threshold(sensors: int, samples: int, false_alarm: float) -> float:
    """Return the threshold on λ_max of a sample covariance of unit noise, exact for few sensors.

    Args:
        sensors: M.
        samples: N.
        false_alarm: Probability of false alarm.

    Raises:
        SpecError: The probability is not between 0 and 1.
    """
    near = tracy_widom_threshold(sensors, samples, false_alarm)
    if sensors > min(MOST_EXACT_SENSORS, samples):
        return near
    # The law of many sensors is off where there are few, below 0 even where nearly all noise is to exceed it.
    high = 4 * max(near, 1.0)
    while largest_below(high, sensors, samples) < 1 - false_alarm:
        high *= 2
    return float(
        scipy.optimize.brentq(
            lambda value: largest_below(value, sensors, samples) - (1 - false_alarm), 0.0, high, xtol=1e-12
        )
    )


def wishart_eigenvalues(
    sensors: int, samples: int, count: int, *, rng: np.random.Generator, spike: float = 0.0
) -> Float64[np.ndarray, "count sensor"]:
    """Return drawn eigenvalues, rising, of sample covariances of unit noise and one signal.

    Args:
        sensors: M, not more than N.
        samples: N.
        count: Draws.
        rng: Source of the draws.
        spike: Power of the signal over that of the noise, summed over the sensors.

    Source: the Cholesky factor of a Wishart matrix, M. S. Bartlett, 1933.
    """
    lower = np.zeros((count, sensors, sensors), np.complex128)
    below = np.tril_indices(sensors, -1)
    drawn = rng.standard_normal((count, len(below[0]), 2))
    lower[:, below[0], below[1]] = (drawn[..., 0] + 1j * drawn[..., 1]) / np.sqrt(2)
    place = np.arange(sensors)
    lower[:, place, place] = np.sqrt(rng.gamma(samples - place, size=(count, sensors)))
    # Which sensors the signal reaches is a matter of axes: let it be the first alone.
    lower[:, 0] *= np.sqrt(1 + spike)
    values: Float64[np.ndarray, "count sensor"] = np.linalg.eigvalsh(lower @ lower.conj().swapaxes(-1, -2))
    return np.maximum(values / samples, np.finfo(np.float64).tiny)
