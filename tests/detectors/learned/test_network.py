"""Steps of training: by seed alone, downhill, and without touching what others use."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from iqatlas.detectors.learned._torch import Network, threads
from iqatlas.detectors.learned.layers import cnn_layers

LAYERS = cnn_layers(32, 4)


def batch() -> tuple[np.ndarray, np.ndarray]:
    """Return captures whose label is in the sign of their first samples' mean."""
    rng = np.random.default_rng(5)
    label = rng.random((256, 4)) < 0.5
    seen = rng.standard_normal((256, 2, 32), dtype=np.float32)
    seen[:, 0] += np.repeat(np.where(label, 1.0, -1.0), 8, axis=1).astype(np.float32)
    return seen, label


def test_the_same_seed_gives_the_same_weights_after_the_same_steps() -> None:
    """Bit for bit, with one thread."""
    seen, label = batch()
    with threads(1):
        one, two, other = (Network(LAYERS, seed=seed) for seed in (1, 1, 2))
        for network in (one, two, other):
            for _ in range(3):
                network.step(seen, label)
    same = [np.array_equal(a, b) for a, b in zip(one.weights().values(), two.weights().values(), strict=True)]
    assert all(same)
    assert not np.array_equal(one.weights()["0.weight"], other.weights()["0.weight"])


def test_losses_fall() -> None:
    """40 steps on 256 captures that are easily told apart: from ln 2 to less than half of it."""
    seen, label = batch()
    network = Network(LAYERS, seed=1)
    losses = [network.step(seen, label) for _ in range(40)]
    assert losses[0] == pytest.approx(np.log(2), abs=0.05)
    assert losses[-1] < 0.35
    assert ((network.logits(seen) > 0) == label).mean() > 0.85


def test_the_rate_of_learning_counts() -> None:
    seen, label = batch()
    slow, fast = (Network(LAYERS, seed=1, learning_rate=rate) for rate in (1e-4, 1e-2))
    before = slow.weights()
    moved = []
    for network in (slow, fast):
        network.step(seen, label)
        moved.append(np.abs(network.weights()["0.weight"] - before["0.weight"]).max())
    # Adam's first step is the rate, whatever the gradient.
    np.testing.assert_allclose(moved, [1e-4, 1e-2], rtol=0.05)


def test_weights_that_are_loaded_give_the_same_logits() -> None:
    seen, label = batch()
    network, other = Network(LAYERS, seed=1), Network(LAYERS, seed=2)
    network.step(seen, label)
    other.load(network.weights())
    np.testing.assert_array_equal(network.logits(seen), other.logits(seen))


def test_random_numbers_and_threads_of_others_stay() -> None:
    before = torch.get_rng_state(), torch.get_num_threads()
    Network(LAYERS, seed=9)
    with threads(1):
        assert torch.get_num_threads() == 1
    assert torch.equal(before[0], torch.get_rng_state())
    assert torch.get_num_threads() == before[1]
