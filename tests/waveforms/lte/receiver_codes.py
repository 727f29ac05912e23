"""Decoders of a test receiver, written from TS 36.212 and not from the package's encoders.

Soft values are positive where a 0 is likelier.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from iqatlas.waveforms.lte.coding.qpp import interleaver

TURBO_COLUMNS = [0, 16, 8, 24, 4, 20, 12, 28, 2, 18, 10, 26, 6, 22, 14, 30]
TURBO_COLUMNS += [column + 1 for column in TURBO_COLUMNS]
CONVOLUTIONAL_COLUMNS = [1, 17, 9, 25, 5, 21, 13, 29, 3, 19, 11, 27, 7, 23, 15, 31]
CONVOLUTIONAL_COLUMNS += [column - 1 for column in CONVOLUTIONAL_COLUMNS]
SIZES = [k for k in range(40, 6145, 8) if k <= 512 or (k <= 1024 and k % 16 == 0) or k % 32 == 0]
SIZES = [k for k in SIZES if k <= 2048 or k % 64 == 0]


def crc(bits: np.ndarray, polynomial: int, length: int) -> int:
    """Return the remainder of a message by long division."""
    register = 0
    for bit in [*bits.tolist(), *[0] * length]:
        register = register << 1 | bit
        if register >> length:
            register ^= polynomial | 1 << length
    return register


def number(bits: np.ndarray) -> int:
    return int("".join(map(str, bits.tolist())), 2) if len(bits) else 0


@cache
def column_interleaved(size: int, columns: tuple[int, ...]) -> list[int | None]:
    rows = -(-size // 32)
    padded = [None] * (rows * 32 - size) + list(range(size))
    return [padded[row * 32 + column] for column in columns for row in range(rows)]


@cache
def convolutional_places(size: int, sent: int) -> np.ndarray:
    one = [place for place in column_interleaved(size, tuple(CONVOLUTIONAL_COLUMNS)) if place is not None]
    buffer = [stream * size + place for stream in range(3) for place in one]
    return np.array([buffer[i % len(buffer)] for i in range(sent)])


@cache
def turbo_places(size: int, sent: int, version: int) -> np.ndarray:
    """Return the coded bit at each sent place; no filler bits, as all LTE block sizes have none."""
    rows = -(-size // 32)
    padding = rows * 32 - size
    v0 = column_interleaved(size, tuple(TURBO_COLUMNS))
    v2: list[int | None] = []
    for k in range(rows * 32):
        y = (TURBO_COLUMNS[k // rows] + 32 * (k % rows) + 1) % (rows * 32) - padding
        v2.append(y if y >= 0 else None)
    w = [None if v is None else v for v in v0]
    for first, second in zip(v0, v2, strict=True):
        w.append(None if first is None else size + first)
        w.append(None if second is None else 2 * size + second)
    start = rows * (2 * -(-len(w) // (8 * rows)) * version + 2)
    out: list[int] = []
    at = start
    while len(out) < sent:
        value = w[at % len(w)]
        if value is not None:
            out.append(value)
        at += 1
    return np.array(out)


def collect(soft: np.ndarray, places: np.ndarray, total: int) -> np.ndarray:
    """Return soft values added up by coded bit, on [row, bit]."""
    out = np.zeros((len(soft), total))
    for begin in range(0, len(places), total):
        part = places[begin : begin + total]
        if len(np.unique(part)) == len(part):
            out[:, part] += soft[:, begin : begin + total]
        else:
            np.add.at(out, (slice(None), part), soft[:, begin : begin + total])
    return out


def _convolutional_trellis() -> tuple[np.ndarray, np.ndarray]:
    """Return, for each new state and older bit, the previous state and the three signs sent."""
    previous = np.zeros((64, 2), int)
    signs = np.zeros((64, 2, 3))
    for state in range(64):  # newest bit highest
        for oldest in range(2):
            previous[state, oldest] = (state << 1 & 63) | oldest
            register = state << 1 | oldest
            for i, generator in enumerate((0o133, 0o171, 0o165)):
                signs[state, oldest, i] = 1 - 2 * (bin(register & generator).count("1") % 2)
    return previous, signs


PREVIOUS, SIGNS = _convolutional_trellis()


def viterbi(soft: np.ndarray) -> np.ndarray:
    """Return the likeliest bits of tail-biting blocks, soft values on [row, stream, bit]."""
    rows, _, size = soft.shape
    branch = np.einsum("rsn,tos->nrto", soft, SIGNS)
    metric = np.zeros((rows, 64))
    decisions = np.zeros((3 * size, rows, 64), np.uint8)
    for step in range(3 * size):
        paths = metric[:, PREVIOUS] + branch[step % size]
        decisions[step] = paths[..., 1] > paths[..., 0]
        metric = paths.max(axis=-1)
        metric -= metric.max(axis=-1, keepdims=True)
    state = metric.argmax(axis=-1)
    bits = np.zeros((rows, 3 * size), np.uint8)
    every = np.arange(rows)
    for step in range(3 * size - 1, -1, -1):
        bits[:, step] = state >> 5
        state = PREVIOUS[state, decisions[step, every, state]]
    return bits[:, size : 2 * size]


def reencode(bits: np.ndarray) -> np.ndarray:
    """Return the three coded streams of one tail-biting block, by the shift register."""
    register = 0
    for bit in bits[-6:]:
        register = register >> 1 | int(bit) << 6
    out = np.zeros((3, len(bits)), int)
    for n, bit in enumerate(bits):
        register = register >> 1 | int(bit) << 6
        for i, generator in enumerate((0o133, 0o171, 0o165)):
            out[i, n] = bin(register & generator).count("1") % 2
    return out


def _turbo_trellis() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    after, parity = np.zeros((8, 2), int), np.zeros((8, 2), int)
    for state in range(8):
        s1, s2, s3 = state >> 2 & 1, state >> 1 & 1, state & 1
        for bit in range(2):
            fed = bit ^ s2 ^ s3
            after[state, bit] = fed << 2 | s1 << 1 | s2
            parity[state, bit] = fed ^ s1 ^ s3
    before = np.array([[(s, b) for s in range(8) for b in range(2) if after[s, b] == t] for t in range(8)])
    return after, parity, before


AFTER, PARITY, BEFORE = _turbo_trellis()
BIT_SIGN = np.array([0.5, -0.5])


def _map(systematic: np.ndarray, parity: np.ndarray) -> np.ndarray:
    """Return soft output of the bits, max-log, of terminated constituent codes on [row, size + 3]."""
    rows, steps = systematic.shape
    gamma = (
        systematic.T[:, :, None, None] * BIT_SIGN + parity.T[:, :, None, None] * BIT_SIGN[PARITY]
    )  # [step, row, state, bit]
    forward = [np.full((rows, 8), -1e9)]
    forward[0][:, 0] = 0
    states, bits = BEFORE[..., 0], BEFORE[..., 1]
    into = gamma[:, :, states, bits]
    for step in range(steps - 1):
        ways = forward[-1][:, states] + into[step]
        forward.append(np.maximum(ways[..., 0], ways[..., 1]))
    alpha = np.stack(forward)
    beta = np.full((rows, 8), -1e9)
    beta[:, 0] = 0
    later = np.empty((steps, rows, 8))
    for step in range(steps - 1, -1, -1):
        later[step] = beta
        ways = beta[:, AFTER] + gamma[step]
        beta = np.maximum(ways[..., 0], ways[..., 1])
    total = alpha[..., None] + gamma + later[..., AFTER]
    best = total.max(axis=2)
    return (best[..., 0] - best[..., 1]).T


def turbo(streams: np.ndarray, iterations: int = 6) -> np.ndarray:
    """Return the bits of code blocks of one size, soft values on [block, 3, size + 4].

    No more iterations than it takes until both constituent decoders say the same.
    """
    size = streams.shape[-1] - 4
    order = interleaver(size)
    tail = np.swapaxes(streams[..., size:], -1, -2).reshape(len(streams), 12)
    first = np.concatenate([streams[:, 1, :size], tail[:, 1:6:2]], axis=-1)
    second = np.concatenate([streams[:, 2, :size], tail[:, 7::2]], axis=-1)
    systematic = streams[:, 0, :size]
    prior = np.zeros_like(systematic)
    for _ in range(iterations):
        given = systematic + prior
        out = _map(np.concatenate([given, tail[:, 0:6:2]], axis=-1), first)[:, :size]
        extrinsic, said = 0.75 * (out - given), out < 0
        given = (systematic + extrinsic)[:, order]
        out = _map(np.concatenate([given, tail[:, 6::2]], axis=-1), second)[:, :size]
        fresh = 0.75 * (out - given)
        prior = np.empty_like(fresh)
        prior[:, order] = fresh
        if np.array_equal(said[:, order], out < 0):
            break
    decided = np.empty_like(out)
    decided[:, order] = out
    return (decided < 0).astype(np.uint8)


def segments(size: int) -> list[int]:
    """Return the code blocks' sizes of a transport block."""
    bits = size + 24
    if bits <= 6144:
        return [next(k for k in SIZES if k >= bits)]
    count = -(-bits // 6120)
    total = bits + 24 * count
    large = next(k for k in SIZES if count * k >= total)
    small = SIZES[SIZES.index(large) - 1]
    smalls = (count * large - total) // (large - small)
    return [small] * smalls + [large] * (count - smalls)


def transport_block(received: list[tuple[np.ndarray, int]], size: int, unit: int) -> np.ndarray | None:
    """Return a transport block whose checks hold, or none.

    Args:
        received: Soft code word and redundancy version of each transmission.
        size: Bits of the block.
        unit: Bits a symbol, times layers.
    """
    sizes = segments(size)
    streams = [np.zeros((1, 3 * (k + 4))) for k in sizes]
    for soft, version in received:
        share, longer = divmod(len(soft) // unit, len(sizes))
        at = 0
        for i, k in enumerate(sizes):
            count = unit * (share + (i >= len(sizes) - longer))
            places = turbo_places(k + 4, count, version)
            streams[i] += collect(soft[None, at : at + count], places, 3 * (k + 4))
            at += count
    blocks: list[np.ndarray] = [np.zeros(0)] * len(sizes)
    for k in set(sizes):
        which = [i for i, other in enumerate(sizes) if other == k]
        decoded = turbo(np.concatenate([streams[i] for i in which]).reshape(-1, 3, k + 4))
        for i, bits in zip(which, decoded, strict=True):
            blocks[i] = bits
    if len(sizes) > 1:
        if any(crc(block, 0x800063, 24) for block in blocks):
            return None
        blocks = [block[:-24] for block in blocks]
    joined = np.concatenate(blocks)[-(size + 24) :]
    return None if crc(joined, 0x864CFB, 24) or not joined.any() else joined[:-24]
