"""Networks as plain lists of layers, which PyTorch and ONNX graphs are both built from."""

from __future__ import annotations

import math
from dataclasses import dataclass

from iqatlas.errors import SpecError

SLOPE = 0.1
"""Of the leaky rectifiers, below zero."""
_FILTERS = (16, 32)
_HIDDEN = 64
_LARGEST_INPUT = 1 << 20
"""Of the dense layer."""


@dataclass(frozen=True)
class Convolution:
    """Filters over the last axes.

    Args:
        inputs: Channels in.
        outputs: Channels out, one a filter.
        kernel: Extent of a filter along each axis.
        padding: Zeros on both sides of each axis.
    """

    inputs: int
    outputs: int
    kernel: tuple[int, ...]
    padding: tuple[int, ...]


@dataclass(frozen=True)
class Rectifier:
    """Values below zero times :data:`SLOPE`."""


@dataclass(frozen=True)
class LargestOf:
    """The largest of each group of neighbours; what is left over is dropped."""

    size: tuple[int, ...]


@dataclass(frozen=True)
class MeanOverFrames:
    """The mean over the first axis after the channels."""


@dataclass(frozen=True)
class Flatten:
    """All axes of an item into one."""


@dataclass(frozen=True)
class Dense:
    """Sums of all inputs with weights.

    Args:
        inputs: Values in.
        outputs: Values out.
    """

    inputs: int
    outputs: int


Layer = Convolution | Rectifier | LargestOf | MeanOverFrames | Flatten | Dense


def cnn_layers(samples: int, subchannels: int) -> tuple[Layer, ...]:
    """Return the net on raw I/Q: input [item, 2, sample], output a logit a sub-channel.

    Args:
        samples: Samples of a capture, 24 or more.
        subchannels: Outputs.

    Raises:
        SpecError: Captures that are too short, or so long that the net would be huge.

    Source: the sizes of the public DeepSense code: 16 filters of 3 twice, pooling by 2, 32 of 5 twice,
    pooling by 2, 64 dense units. D. Uvaydov et al., "DeepSense: fast wideband spectrum sensing through
    real-time in-the-loop deep learning", INFOCOM 2021.
    """
    few, many = _FILTERS
    length = ((samples - 2 * 2) // 2 - 2 * 4) // 2
    if length < 1 or length * many > _LARGEST_INPUT:
        raise SpecError(
            f"the CNN can't take captures of {samples} samples",
            accepted=f"24 to {4 * _LARGEST_INPUT // many + 23}",
            remedy="choose another model, or a window of the captures",
        )
    return (
        *_filters(2, few, (3,), (0,)),
        *_filters(few, few, (3,), (0,)),
        LargestOf((2,)),
        *_filters(few, many, (5,), (0,)),
        *_filters(many, many, (5,), (0,)),
        LargestOf((2,)),
        *_decision(length * many, subchannels),
    )


def spectrogram_layers(bins: int, subchannels: int) -> tuple[Layer, ...]:
    """Return the net on spectrograms: input [item, 1, frame, bin], output a logit a sub-channel.

    The mean over frames lets one net take captures of any length.

    Args:
        bins: Bins of frequency, 8 or more.
        subchannels: Outputs.
    """
    few, many = _FILTERS
    return (
        *_filters(1, few, (3, 3), (1, 1)),
        *_filters(few, few, (3, 3), (1, 1)),
        LargestOf((1, 2)),
        *_filters(few, many, (3, 3), (1, 1)),
        *_filters(many, many, (3, 3), (1, 1)),
        LargestOf((1, 2)),
        MeanOverFrames(),
        *_decision(bins // 2 // 2 * many, subchannels),
    )


def _filters(
    inputs: int, outputs: int, kernel: tuple[int, ...], padding: tuple[int, ...]
) -> tuple[Layer, ...]:
    return Convolution(inputs, outputs, kernel, padding), Rectifier()


def _decision(inputs: int, subchannels: int) -> tuple[Layer, ...]:
    return Flatten(), Dense(inputs, _HIDDEN), Rectifier(), Dense(_HIDDEN, subchannels)


def weight_shapes(layers: tuple[Layer, ...]) -> dict[str, tuple[int, ...]]:
    """Return name and shape of every array of weights, as ``0.weight`` of the first layer."""
    shapes: dict[str, tuple[int, ...]] = {}
    for number, layer in enumerate(layers):
        if isinstance(layer, Convolution):
            shapes[f"{number}.weight"] = (layer.outputs, layer.inputs, *layer.kernel)
        elif isinstance(layer, Dense):
            shapes[f"{number}.weight"] = (layer.outputs, layer.inputs)
        if isinstance(layer, Convolution | Dense):
            shapes[f"{number}.bias"] = (layer.outputs,)
    return shapes


def parameter_count(layers: tuple[Layer, ...]) -> int:
    """Return how many numbers training finds."""
    return sum(math.prod(shape) for shape in weight_shapes(layers).values())
