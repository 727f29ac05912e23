"""What a learned detector is asked to be, and how it is trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from iqatlas.schema import SpecModel

Power = Literal["capture", "absolute"]
SegmentLength = Annotated[int, Field(ge=8, le=4096)]


class _LearnedSpec(SpecModel):
    window: Annotated[int, Field(ge=16, le=65536)] | None = None
    """Samples of each capture, from its first, that are looked at; null for all, up to 65,536."""
    power: Power = "capture"
    """capture: every capture is divided by its own root mean square; absolute: powers stay what they are."""


class CnnSpec(_LearnedSpec):
    """A convolutional net on raw I/Q, at the sizes of the public DeepSense code."""

    kind: Literal["cnn"] = "cnn"
    """On samples."""


class SpectrogramCnnSpec(_LearnedSpec):
    """A convolutional net on spectrograms in dB."""

    kind: Literal["spectrogram-cnn"] = "spectrogram-cnn"
    """On spectrograms."""
    nperseg: SegmentLength | None = None
    """Samples a segment; null for the largest power of two up to half a capture, at most 64."""


class BoostedSpec(_LearnedSpec):
    """Gradient-boosted trees on tabular statistics, one ensemble for all sub-channels, calibrated."""

    kind: Literal["boosted"] = "boosted"
    """On statistics."""
    nperseg: SegmentLength | None = None
    """Samples a segment of the short-time powers; as for spectrograms."""
    leaves: Annotated[int, Field(ge=2, le=1024)] = 31
    """Leaves of a tree, at most."""
    rows: Annotated[int, Field(ge=100, le=10_000_000)] = 200_000
    """Rows that are learned from, at most: a sub-channel of a capture is a row."""
    calibration: Literal["isotonic", "platt", "none"] = "isotonic"
    """How scores are made probabilities, by the validation split: a rising step function, or a logistic."""


DetectorSpec = Annotated[CnnSpec | SpectrogramCnnSpec | BoostedSpec, Field(discriminator="kind")]


class TrainingSpec(SpecModel):
    """How long, and from which random numbers."""

    epochs: Annotated[int, Field(ge=1, le=100_000)] = 30
    """Passes over the training split at most; of boosted trees, ten times as many trees."""
    patience: Annotated[int, Field(ge=1, le=100_000)] = 5
    """Epochs without a lower loss on the validation split after which training stops."""
    batch: Annotated[int, Field(ge=1, le=1 << 20)] = 256
    """Captures a step of the optimiser."""
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 1e-3
    """Of Adam; of boosted trees it is a hundred times as much, 0.1."""
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    """First weights and the order of the captures come from it."""
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    """Of PyTorch. Sums round by how many there are: another number gives other weights."""
    budget_s: Annotated[float, Field(gt=0)] | None = None
    """Seconds after which training stops, with the best it has: where depends on the machine."""
