"""Normal numbers: compiled or not, they are NumPy's to the last bit, and the generator goes on alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.channels import normal_numbers
from iqatlas.channels._numba_normal import draw
from iqatlas.channels.normal_numbers import by_numpy, compiled, fastest


def generator(seed: int) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(seed))


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 32), st.lists(st.integers(0, 9000), min_size=1, max_size=6))
def test_compiled_numbers_are_those_of_numpy_however_they_are_cut(seed: int, lengths: list[int]) -> None:
    one, other = generator(seed), generator(seed)
    for length in lengths:
        ours, theirs = np.empty(length, np.float32), np.empty(length, np.float32)
        draw(one, ours)
        by_numpy(other, theirs)
        assert np.array_equal(ours.view(np.uint32), theirs.view(np.uint32))
    # What comes next is the same too: half words are kept alike.
    assert one.integers(1 << 32, size=3).tolist() == other.integers(1 << 32, size=3).tolist()


def test_the_tail_and_the_edges_of_layers_are_drawn_alike() -> None:
    """Of four million numbers a thousand are beyond the last layer, and fifty thousand at an edge."""
    ours, theirs = np.empty(1 << 22, np.float32), np.empty(1 << 22, np.float32)
    draw(generator(7), ours)
    by_numpy(generator(7), theirs)
    assert np.count_nonzero(np.abs(theirs) > 3.6541528853610088) > 500
    assert np.array_equal(ours.view(np.uint32), theirs.view(np.uint32))


def test_compiled_code_is_for_many_numbers_where_it_gives_those_of_numpy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert fastest(1 << 20) is by_numpy
    assert fastest(1 << 40) is draw
    for name, other in (("find_spec", lambda _: None), ("by_numpy", lambda rng, out: out.fill(0))):
        compiled.cache_clear()
        with monkeypatch.context() as patch:
            patch.setattr(normal_numbers, name, other)
            assert compiled() is None
            assert fastest(1 << 40) is normal_numbers.by_numpy
    compiled.cache_clear()
