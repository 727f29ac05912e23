"""Frequency responses of links: sums over paths, on even grids of frequencies or any others."""

from __future__ import annotations

import numpy as np
from jaxtyping import Complex64, Complex128, Float64

from iqatlas.raytracing.paths import PathSet

_FREQUENCIES_AT_ONCE = 1 << 16
_STEERING_VALUES = 1 << 20
"""Exponentials held at once where many records share the delays of a link: 8 MiB."""


def frequency_response(
    paths: PathSet, frequency_hz: Float64[np.ndarray, "frequency"]
) -> Complex128[np.ndarray, "waypoint receiver site frequency"]:
    """Return the baseband frequency response of every link, Doppler phases at time 0.

    Args:
        paths: The paths.
        frequency_hz: Frequencies relative to the carrier.
    """
    shape = paths.gain.shape[:-1]
    gain = np.where(paths.valid, paths.gain, 0.0).reshape(-1, paths.gain.shape[-1])
    delay = paths.delay_s.reshape(gain.shape)
    response = np.empty((len(gain), len(frequency_hz)), np.complex128)
    for link in range(len(gain)):
        # In pieces: long captures would need all memory at once.
        for start in range(0, len(frequency_hz), _FREQUENCIES_AT_ONCE):
            piece = slice(start, start + _FREQUENCIES_AT_ONCE)
            turn = np.exp(-2j * np.pi * np.outer(delay[link], frequency_hz[piece]))
            response[link, piece] = gain[link] @ turn
    return response.reshape(*shape, len(frequency_hz))


def response_of_each(
    gain: Complex128[np.ndarray, "record term path"],
    delay_s: Float64[np.ndarray, "record path"],
    step_hz: float,
    length: int,
) -> Complex64[np.ndarray, "record term frequency"]:
    """Return Σ gain · exp(−j2π f delay) where every record has delays of its own.

    The frequencies rise evenly from −(length // 2) steps. On so even a grid each exponential is the
    product of a coarse and a fine one, and the sum over paths a product of matrices.

    Args:
        gain: Gains, several sets of them for the same delays; 0 where there is no path.
        delay_s: Delays.
        step_hz: Distance of the frequencies.
        length: Number of frequencies.
    """
    records, terms, paths = gain.shape
    fine = int(np.ceil(np.sqrt(length)))
    coarse = -(-length // fine)
    turn = np.exp(-2j * np.pi * step_hz * delay_s)
    start = np.exp(2j * np.pi * step_hz * (length // 2) * delay_s)
    left = (start[:, None] * _powers(turn**fine, coarse)).astype(np.complex64)
    right = _powers(turn, fine).astype(np.complex64)
    weighted = gain.astype(np.complex64)[:, :, None] * left[:, None]
    rows = weighted.reshape(records, terms * coarse, paths) @ np.swapaxes(right, 1, 2)
    response: Complex64[np.ndarray, "record term frequency"] = rows.reshape(records, terms, coarse * fine)
    return response[..., :length]


def response_of_all(
    gain: Complex128[np.ndarray, "row path"],
    delay_s: Float64[np.ndarray, "path"],
    step_hz: float,
    length: int,
) -> Complex64[np.ndarray, "row frequency"]:
    """Return Σ gain · exp(−j2π f delay) where all rows share their delays.

    The frequencies rise evenly from −(length // 2) steps.

    Args:
        gain: Gains; 0 where there is no path.
        delay_s: Delays.
        step_hz: Distance of the frequencies.
        length: Number of frequencies.
    """
    weight = gain.astype(np.complex64)
    response = np.empty((len(gain), length), np.complex64)
    at_once = max(1, _STEERING_VALUES // max(1, len(delay_s)))
    phase = -2j * np.pi * step_hz * delay_s
    turn = np.exp(phase)[None]
    fine = int(np.ceil(np.sqrt(min(at_once, length))))
    right = _powers(turn, fine)[0]
    for start in range(0, length, at_once):
        stop = min(start + at_once, length)
        coarse = -(-(stop - start) // fine)
        left = np.exp(phase * (start - length // 2)) * _powers(turn**fine, coarse)[0]
        turns = left.astype(np.complex64).T[:, :, None] * right.astype(np.complex64).T[:, None]
        response[:, start:stop] = weight @ turns.reshape(len(delay_s), coarse * fine)[:, : stop - start]
    return response


def _powers(
    base: Complex128[np.ndarray, "record path"], count: int
) -> Complex128[np.ndarray, "record power path"]:
    """Return the powers 0, 1, … of numbers on the unit circle, each of a few products only."""
    powers = np.empty((len(base), count, base.shape[1]), np.complex128)
    powers[:, 0] = 1
    have = 1
    while have < count:
        more = min(have, count - have)
        # base^have by a product more than base^(have - 1).
        np.multiply(
            powers[:, :more], (powers[:, have - 1] * base)[:, None], out=powers[:, have : have + more]
        )
        have += more
    return powers
