"""The nets have their public sizes, and PyTorch builds what the lists say."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.detectors.learned._torch import Network
from iqatlas.detectors.learned.layers import (
    Layer,
    cnn_layers,
    parameter_count,
    spectrogram_layers,
    weight_shapes,
)
from iqatlas.errors import SpecError


@pytest.mark.parametrize(("samples", "parameters"), [(32, 15_888), (128, 65_040)])
def test_the_cnn_has_the_public_number_of_parameters(samples: int, parameters: int) -> None:
    """Those of the public DeepSense code with 16 outputs."""
    assert parameter_count(cnn_layers(samples, 16)) == parameters


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        (cnn_layers(24, 3), (2, 24)),
        (cnn_layers(129, 16), (2, 129)),
        (spectrogram_layers(8, 2), (1, 3, 8)),
        (spectrogram_layers(64, 16), (1, 1, 64)),
    ],
)
def test_pytorch_builds_what_the_list_says(layers: tuple[Layer, ...], shape: tuple[int, ...]) -> None:
    """Weights of the same names and shapes, and as many outputs as sub-channels."""
    network = Network(layers, seed=0)
    weights = network.weights()
    assert {name: array.shape for name, array in weights.items()} == weight_shapes(layers)
    assert sum(array.size for array in weights.values()) == parameter_count(layers)
    seen = np.random.default_rng(1).standard_normal((5, *shape), dtype=np.float32)
    assert network.logits(seen).shape == (
        5,
        len(weights[max(weights, key=lambda name: int(name.split(".")[0]))]),
    )


def test_a_spectrogram_of_any_length_fits_one_net() -> None:
    """The mean over frames: a spectrogram whose frames repeat thrice is told the same, inside the padding."""
    network = Network(spectrogram_layers(16, 4), seed=3)
    short = np.random.default_rng(1).standard_normal((2, 1, 4, 16), dtype=np.float32)
    assert network.logits(short).shape == network.logits(np.tile(short, (1, 1, 3, 1))).shape


@pytest.mark.parametrize("samples", [1, 16, 23, 131_096, 1 << 30])
def test_captures_that_do_not_fit_are_refused(samples: int) -> None:
    with pytest.raises(SpecError, match=r"can't take captures of .* accepted: 24 to 131095"):
        cnn_layers(samples, 16)


def test_the_shortest_and_the_longest_fit() -> None:
    assert parameter_count(cnn_layers(24, 16)) < parameter_count(cnn_layers(131_095, 16))
