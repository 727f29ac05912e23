"""Random streams: every random number of a corpus comes from its seed through this module.

Two kinds of stream, both independent of the number of workers:

* :func:`stream` gives a NumPy generator for a stage and an index;
* :func:`key` and :func:`words` give counter-based words, where the number at a position is a
  function of key and position alone. A window of a signal then holds the same payload as the
  whole signal, whoever computes it. :func:`sequence` and :func:`sequence_words` do the same at a
  fifth of the cost, where a key has many positions.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from jaxtyping import Int64, UInt64


class Stage(IntEnum):
    """What a stream is used for. The numbers are part of the format: never renumber them."""

    SCENE = 1
    RECEIVERS = 2
    RAYTRACING = 3
    OCCUPANCY = 4
    START_TIME = 5
    PAYLOAD = 6
    NOISE = 7
    FRONT_END = 8
    DETECTORS = 9
    LOADING = 10
    SITES = 11
    TRANSMITTER = 12


def _sequence(seed: int, stage: Stage, index: tuple[int, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence(seed, spawn_key=(int(stage), *index))


def stream(seed: int, stage: Stage, *index: int) -> np.random.Generator:
    """Return the generator of one stage and index.

    Args:
        seed: The spec's seed.
        stage: What the numbers are for.
        index: Non-negative integers that tell streams of the stage apart.
    """
    return np.random.Generator(np.random.SFC64(_sequence(seed, stage, index)))


def key(seed: int, stage: Stage, *index: int) -> UInt64[np.ndarray, "2"]:
    """Return the key of a counter-based stream, for :func:`words`."""
    return _sequence(seed, stage, index).generate_state(2, np.uint64)


_ROTATIONS = (16, 42, 12, 31, 16, 32, 24, 21)
_PARITY = np.uint64(0x1BD11BDAA9FC1A22)


def words(
    key_words: UInt64[np.ndarray, "*#shape 2"], counter: UInt64[np.ndarray, "*#shape 2"]
) -> UInt64[np.ndarray, "*shape 2"]:
    """Return 128 random bits for each counter: Threefry-2x64 with 20 rounds.

    Args:
        key_words: Keys, the last axis holding two words; broadcasts against ``counter``.
        counter: Positions, the last axis holding two words.

    Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC11, section 3.2.
    """
    k0, k1 = key_words[..., 0], key_words[..., 1]
    keys = (k0, k1, k0 ^ k1 ^ _PARITY)
    shape = np.broadcast_shapes(key_words.shape, counter.shape)
    out = np.empty(shape, np.uint64)
    # Contiguous halves: the rounds are elementwise and memory-bound.
    x0 = np.array(np.broadcast_to(counter[..., 0] + k0, shape[:-1]))
    x1 = np.array(np.broadcast_to(counter[..., 1] + k1, shape[:-1]))
    spare = np.empty_like(x1)
    for round_ in range(20):
        np.add(x0, x1, out=x0)
        left = _ROTATIONS[round_ % 8]
        np.right_shift(x1, np.uint64(64 - left), out=spare)
        np.left_shift(x1, np.uint64(left), out=x1)
        np.bitwise_or(x1, spare, out=x1)
        np.bitwise_xor(x1, x0, out=x1)
        if round_ % 4 == 3:
            injection = round_ // 4 + 1
            np.add(x0, keys[injection % 3], out=x0)
            np.add(x1, keys[(injection + 1) % 3] + np.uint64(injection), out=x1)
    out[..., 0] = x0
    out[..., 1] = x1
    return out


_GOLDEN = np.array([0x9E3779B97F4A7C15, 0x3C6EF372FE94F82A], np.uint64)
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1))


def _mixed(state: UInt64[np.ndarray, "*shape"]) -> UInt64[np.ndarray, "*shape"]:
    """Mix 64-bit words in place: Stafford's variant 13 of MurmurHash3's last step."""
    spare = np.empty_like(state)
    for shift, factor in _MIX:
        np.right_shift(state, np.uint64(shift), out=spare)
        np.bitwise_xor(state, spare, out=state)
        if factor != 1:
            np.multiply(state, np.uint64(factor), out=state)
    return state


def sequence(key_words: UInt64[np.ndarray, "*shape 2"]) -> UInt64[np.ndarray, "*shape 2"]:
    """Return what :func:`sequence_words` needs of keys: a start and an odd step.

    Args:
        key_words: Keys, the last axis holding two words.
    """
    # Each word of the key changes both.
    drawn = _mixed(_mixed(key_words + _GOLDEN) + key_words[..., ::-1])
    drawn[..., 1] |= np.uint64(1)
    return drawn


def sequence_words(
    sequences: UInt64[np.ndarray, "*#shape 2"], begin: Int64[np.ndarray, "*#shape"], count: int
) -> UInt64[np.ndarray, "*shape count"]:
    """Return neighbouring 64-bit words of sequences: SplitMix64, which may begin anywhere.

    Args:
        sequences: What :func:`sequence` gives; broadcasts against ``begin``.
        begin: Position of the first word; positions may be negative.
        count: Number of words.

    Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014,
    figure 16.
    """
    start, step = sequences[..., 0], sequences[..., 1]
    first = start + step * begin.view(np.uint64)
    return _mixed(step[..., None] * np.arange(count, dtype=np.uint64) + first[..., None])
