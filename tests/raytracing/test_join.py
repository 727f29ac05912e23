"""Receivers side by side: nothing lost, and padding that no path can be taken for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from iqatlas.raytracing.join import join_receivers
from iqatlas.raytracing.paths import ARRAYS


def receiver(paths: int, depth: int, seed: int) -> dict[str, np.ndarray]:
    """Return arrays of 2 waypoints and 3 sites, none of them zero."""
    rng = np.random.default_rng(seed)
    shape = (2, 3, paths)
    arrays: dict[str, np.ndarray] = {name: rng.uniform(1, 2, shape) for name in ARRAYS}
    arrays["gain"] = arrays["gain"] + 1j
    arrays["interaction"] = rng.integers(1, 5, (*shape, depth)).astype(np.int8)
    arrays["vertex_m"] = rng.uniform(1, 2, (*shape, depth, 3))
    arrays["valid"] = np.ones(shape, bool)
    return arrays


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 4)), min_size=1, max_size=4))
def test_each_part_is_found_again_and_the_rest_is_padding(sizes: list[tuple[int, int]]) -> None:
    parts = [receiver(paths, depth, seed) for seed, (paths, depth) in enumerate(sizes)]
    joined = join_receivers(parts)
    assert joined["gain"].shape == (2, len(parts), 3, max(paths for paths, _ in sizes))
    for index, part in enumerate(parts):
        paths, depth = sizes[index]
        for name, array in joined.items():
            here = array[:, index, :, :paths]
            if array.ndim > 4:
                np.testing.assert_array_equal(
                    here[..., :depth] if array.ndim == 5 else here[..., :depth, :], part[name]
                )
                padding = here[..., depth:] if array.ndim == 5 else here[..., depth:, :]
                assert np.all(np.isnan(padding)) if array.dtype.kind == "f" else not np.any(padding)
            else:
                np.testing.assert_array_equal(here, part[name])
                assert not np.any(array[:, index, :, paths:])
            assert array.dtype == part[name].dtype
        assert not np.any(joined["interaction"][:, index, :, paths:])
        assert np.all(np.isnan(joined["vertex_m"][:, index, :, paths:]))
