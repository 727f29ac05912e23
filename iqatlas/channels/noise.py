"""Receiver noise: how strong it is for an asked SNR, and its samples."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Float64

from iqatlas.channels.normal_numbers import Draw, by_numpy
from iqatlas.channels.response import frequency_response
from iqatlas.channels.spec import CaptureSpec
from iqatlas.errors import SpecError
from iqatlas.raytracing.paths import PathSet

BOLTZMANN_J_PER_K = 1.380649e-23
NOISE_TEMPERATURE_K = 290.0
_VALUES_AT_ONCE = 1 << 16
"""Normal numbers drawn at once: a quarter of a megabyte, which stays in a core's cache."""


def full_load_power_mw(
    paths: PathSet,
    *,
    site_power_mw: Float64[np.ndarray, "site"],
    subcarrier_hz: Float64[np.ndarray, "subcarrier"],
    subcarrier_power: Float64[np.ndarray, "site subcarrier"],
) -> Float64[np.ndarray, "receiver"]:
    """Return each receiver's mean power in mW when every site occupies every sub-channel.

    Args:
        paths: The paths; powers are averaged over the waypoints.
        site_power_mw: Power gain given to each site's unit baseband.
        subcarrier_hz: Frequencies of the sub-channels' subcarriers relative to the carrier.
        subcarrier_power: Mean power of each of them at full load, for each site's unit baseband.
    """
    response = frequency_response(paths, subcarrier_hz)
    sent = site_power_mw[:, None] * subcarrier_power
    power: Float64[np.ndarray, "receiver"] = np.einsum("wkbf,bf->k", np.abs(response) ** 2, sent)
    return power / len(response)


def noise_power_mw(
    spec: CaptureSpec,
    *,
    full_load_mw: Float64[np.ndarray, "receiver"],
    sample_rate_hz: float,
    reference_bandwidth_hz: float,
) -> Float64[np.ndarray, "level receiver"]:
    """Return the noise power in mW over the sampling bandwidth, for each SNR level and receiver.

    Args:
        spec: The noise mode and the SNR levels.
        full_load_mw: Each receiver's mean power at full load.
        sample_rate_hz: Sampling rate, the bandwidth of the noise.
        reference_bandwidth_hz: Bandwidth in which the asked SNR counts the noise.

    Raises:
        SpecError: No signal reaches the receivers, so that no noise gives the asked SNR.
    """
    levels = spec.snr_levels_db()
    if spec.noise == "thermal":
        watts = BOLTZMANN_J_PER_K * NOISE_TEMPERATURE_K * sample_rate_hz * 10 ** (spec.noise_figure_db / 10)
        return np.full((1, len(full_load_mw)), watts * 1e3)
    reference = (
        np.full_like(full_load_mw, full_load_mw.max()) if spec.noise == "common_floor" else full_load_mw
    )
    if not np.all(reference > 0):
        blind = ", ".join(str(i) for i in np.flatnonzero(full_load_mw <= 0))
        raise SpecError(
            f"no signal of any site reaches receiver {blind}, so no noise gives the asked SNR",
            where="capture.noise",
            remedy="move the receivers, allow more reflections, or use noise: thermal",
        )
    in_reference = reference / 10 ** (levels[:, None] / 10)
    power: Float64[np.ndarray, "level receiver"] = in_reference * (sample_rate_hz / reference_bandwidth_hz)
    return power


def add_noise(
    received: Complex64[np.ndarray, "record receiver sample"],
    power_mw: Float64[np.ndarray, "record receiver"],
    *,
    rng: np.random.Generator,
    added: Complex64[np.ndarray, "record receiver sample"] | None = None,
    draw: Draw = by_numpy,
) -> None:
    """Add circular white Gaussian noise in place.

    Args:
        received: Samples in √mW; overwritten.
        power_mw: Noise power of each record and receiver.
        rng: The stream that the noise comes from.
        added: Takes the noise itself, where somebody wants it.
        draw: What draws normal numbers from it.
    """
    parts = received.view(np.float32)
    scale = np.sqrt(power_mw / 2).astype(np.float32)
    at_once = max(1, _VALUES_AT_ONCE // (2 * received[0].size)) if received.size else 1
    noise = np.empty((at_once, *received.shape[1:-1], 2 * received.shape[-1]), np.float32)
    for start in range(0, len(received), at_once):
        rows = slice(start, min(start + at_once, len(received)))
        drawn = noise[: rows.stop - start]
        draw(rng, drawn.reshape(-1))
        drawn *= scale[rows, ..., None]
        parts[rows] += drawn
        if added is not None:
            added[rows] = drawn.view(np.complex64)


def mean_power_mw(
    samples: Complex64[np.ndarray, "*batch sample"],
) -> Float64[np.ndarray, "*batch"]:
    """Return the mean power over the samples, in mW where they are in √mW.

    Args:
        samples: Captures.
    """
    parts = samples.view(np.float32)
    energy = np.einsum("...n,...n->...", parts, parts).astype(np.float64)
    power: Float64[np.ndarray, "*batch"] = energy / samples.shape[-1]
    return power
