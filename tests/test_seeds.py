"""Random streams: known answers, independence, and numbers that never change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.seeds import Stage, key, sequence, sequence_words, stream, words

ONES = 2**64 - 1
STREAM_VALUES = [4121618912, 2836616522, 3125327638]
KEY_VALUES = [13867255081647942538, 9913575287121284490]


@pytest.mark.parametrize(
    ("key_words", "counter", "wanted"),
    [
        ((0, 0), (0, 0), (0xC2B6E3A8C2C69865, 0x6F81ED42F350084D)),
        ((ONES, ONES), (ONES, ONES), (0xE02CB7C4D95D277A, 0xD06633D0893B8B68)),
        (
            (0xA4093822299F31D0, 0x082EFA98EC4E6C89),
            (0x243F6A8885A308D3, 0x13198A2E03707344),
            (0x263C7D30BB0F0AF1, 0x56BE8361D3311526),
        ),
    ],
)
def test_threefry_gives_the_known_answers_of_its_authors(
    key_words: tuple[int, int], counter: tuple[int, int], wanted: tuple[int, int]
) -> None:
    got = words(np.array([key_words], np.uint64), np.array([counter], np.uint64))
    assert got.tolist() == [list(wanted)]


def test_a_word_depends_on_key_and_counter_alone() -> None:
    keys = np.array([key(1, Stage.PAYLOAD, i) for i in range(4)])
    counter = np.stack([np.arange(50), np.arange(50) // 7], axis=-1).astype(np.uint64)
    together = words(keys[:, None], counter[None])
    assert together.shape == (4, 50, 2)
    for i, j in ((0, 0), (2, 31), (3, 49)):
        np.testing.assert_array_equal(words(keys[i : i + 1], counter[j : j + 1])[0], together[i, j])


@given(st.integers(0, 63), st.integers(0, 1), st.booleans())
def test_one_changed_bit_of_key_or_counter_changes_about_half_of_the_bits(
    bit: int, word: int, in_key: bool
) -> None:
    inputs = np.zeros((2, 200, 2), np.uint64)
    inputs[1, :, 1] = np.arange(200)
    changed = inputs.copy()
    changed[0 if in_key else 1, :, word] ^= np.uint64(1 << bit)
    difference = words(inputs[0], inputs[1]) ^ words(changed[0], changed[1])
    share = np.unpackbits(difference.view(np.uint8)).mean()
    # 25,600 fair bits: deviation 0.0031; six of them.
    assert abs(share - 0.5) < 0.019


def test_bits_of_consecutive_counters_are_fair_and_uncorrelated() -> None:
    counter = np.zeros((4000, 2), np.uint64)
    counter[:, 1] = np.arange(4000)
    bits = np.unpackbits(words(key(0, Stage.PAYLOAD)[None], counter).view(np.uint8)).astype(float) * 2 - 1
    # 512,000 bits: deviation of a mean 0.0014; five of them.
    assert abs(bits.mean()) < 0.007
    for lag in (1, 2, 64, 128):
        assert abs((bits[lag:] * bits[:-lag]).mean()) < 0.007


def test_splitmix_gives_the_known_answers_of_its_step() -> None:
    # The first outputs of the published generator for seed 1234567, whose step is the golden ratio;
    # it steps before it mixes.
    golden = np.array([1234567, 0x9E3779B97F4A7C15], np.uint64)
    wanted = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert sequence_words(golden, np.array(1), 4).tolist() == wanted


@given(st.integers(-(10**12), 10**12), st.integers(1, 40), st.integers(0, 39))
def test_a_word_of_a_sequence_depends_on_its_position_alone(begin: int, count: int, later: int) -> None:
    drawn = sequence(np.array([key(1, Stage.PAYLOAD, 0), key(1, Stage.PAYLOAD, 1)]))
    whole = sequence_words(drawn, np.array([begin, begin]), later + count)
    piece = sequence_words(drawn[1:], np.array([begin + later]), count)
    np.testing.assert_array_equal(piece[0], whole[1, later:])


@given(st.integers(0, 63), st.integers(0, 1))
def test_one_changed_bit_of_a_key_changes_about_half_of_the_bits_of_its_sequence(bit: int, word: int) -> None:
    keys = np.zeros((200, 2), np.uint64)
    keys[:, 0], keys[:, 1] = np.arange(200), np.arange(200) // 7
    changed = keys.copy()
    changed[:, word] ^= np.uint64(1 << bit)
    begin = np.zeros(200, np.int64)
    difference = sequence_words(sequence(keys), begin, 2) ^ sequence_words(sequence(changed), begin, 2)
    share = np.unpackbits(difference.view(np.uint8)).mean()
    # 25,600 fair bits: deviation 0.0031; six of them.
    assert abs(share - 0.5) < 0.019


def test_bits_of_sequences_are_fair_and_uncorrelated_along_and_across() -> None:
    keys = np.array([key(0, Stage.PAYLOAD, n) for n in range(8)])
    drawn = sequence_words(sequence(keys), np.zeros(8, np.int64), 1000)
    bits = np.unpackbits(drawn.view(np.uint8), axis=-1).astype(float) * 2 - 1
    # 512,000 bits: deviation of a mean 0.0014; five of them.
    assert abs(bits.mean()) < 0.007
    for lag in (1, 2, 8, 64, 128, 8 * 144):
        assert abs((bits[:, lag:] * bits[:, :-lag]).mean()) < 0.007
    # 28 pairs of 64,000 bits: deviation 0.004; five of them.
    across = bits @ bits.T / bits.shape[1]
    assert np.abs(across - np.eye(8)).max() < 0.02


def test_the_same_seed_stage_and_index_give_the_same_stream() -> None:
    for index in ((), (0,), (3, 4)):
        np.testing.assert_array_equal(
            stream(7, Stage.NOISE, *index).random(5), stream(7, Stage.NOISE, *index).random(5)
        )
        np.testing.assert_array_equal(key(7, Stage.NOISE, *index), key(7, Stage.NOISE, *index))


def test_another_seed_stage_or_index_gives_another_stream() -> None:
    places = [
        (seed, stage, index) for seed in (0, 1) for stage in Stage for index in ((), (0,), (1,), (0, 0))
    ]
    assert len({stream(seed, stage, *index).random() for seed, stage, index in places}) == len(places)
    assert len({tuple(key(seed, stage, *index)) for seed, stage, index in places}) == len(places)


def test_streams_are_uncorrelated() -> None:
    draws = np.stack([stream(0, Stage.NOISE, index).standard_normal(10_000) for index in range(20)])
    cross = np.corrcoef(draws) - np.eye(20)
    # Deviation 0.01; the largest of 190 pairs exceeds 0.05 once in 10,000 sets.
    assert np.abs(cross).max() < 0.05


def test_numbers_of_the_stages_never_change() -> None:
    assert {stage.name: stage.value for stage in Stage} == {
        "SCENE": 1,
        "RECEIVERS": 2,
        "RAYTRACING": 3,
        "OCCUPANCY": 4,
        "START_TIME": 5,
        "PAYLOAD": 6,
        "NOISE": 7,
        "FRONT_END": 8,
        "DETECTORS": 9,
        "LOADING": 10,
        "SITES": 11,
        "TRANSMITTER": 12,
    }


def test_streams_never_change() -> None:
    # Values of this version: a corpus made today has to be remade with the same numbers later.
    assert stream(7, Stage.PAYLOAD, 3).integers(0, 2**32, 3).tolist() == STREAM_VALUES
    assert key(7, Stage.PAYLOAD, 3).tolist() == KEY_VALUES
