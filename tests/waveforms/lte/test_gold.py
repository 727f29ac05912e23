"""The pseudo-random sequence equals the standard's recurrences, run bit by bit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.waveforms.lte.gold import gold_sequence


def slow_gold(c_init: int, length: int) -> list[int]:
    x1 = [1] + [0] * 30
    x2 = [(c_init >> i) & 1 for i in range(31)]
    for n in range(1600 + length):
        x1.append((x1[n + 3] + x1[n]) % 2)
        x2.append((x2[n + 3] + x2[n + 2] + x2[n + 1] + x2[n]) % 2)
    return [(x1[n + 1600] + x2[n + 1600]) % 2 for n in range(length)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31 - 1), st.integers(1, 500))
def test_sequence_equals_the_recurrence(c_init: int, length: int) -> None:
    assert gold_sequence(np.array(c_init), length).tolist() == slow_gold(c_init, length)


def test_many_initial_values_at_once_give_what_each_gives_alone() -> None:
    c_init = np.array([[1, 2**30], [12345, 2**31 - 1]])
    together = gold_sequence(c_init, 100)
    assert together.shape == (2, 2, 100)
    for index in np.ndindex(2, 2):
        np.testing.assert_array_equal(together[index], slow_gold(int(c_init[index]), 100))
