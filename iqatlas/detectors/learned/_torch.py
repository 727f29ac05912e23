"""The door to PyTorch for detectors: a network, its steps of training, its weights as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from jaxtyping import Bool, Float32

from iqatlas.detectors.learned.layers import (
    SLOPE,
    Convolution,
    Dense,
    Flatten,
    LargestOf,
    Layer,
    MeanOverFrames,
    Rectifier,
)
from iqatlas.errors import SetupError

try:
    import torch
    from torch import nn
except ImportError:
    raise SetupError("PyTorch is not installed", remedy="pip install 'iqatlas[detectors]'") from None


class _MeanOverFrames(nn.Module):
    def forward(self, values: torch.Tensor) -> torch.Tensor:
        return values.mean(dim=2)


def _module(layer: Layer) -> nn.Module:
    match layer:
        case Convolution(inputs, outputs, kernel, padding):
            kind = nn.Conv1d if len(kernel) == 1 else nn.Conv2d
            return kind(inputs, outputs, kernel, padding=padding)
        case LargestOf(size):
            return nn.MaxPool1d(size) if len(size) == 1 else nn.MaxPool2d(size)
        case Rectifier():
            return nn.LeakyReLU(SLOPE)
        case MeanOverFrames():
            return _MeanOverFrames()
        case Flatten():
            return nn.Flatten()
        case Dense(inputs, outputs):
            return nn.Linear(inputs, outputs)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let PyTorch use so many threads, and as many as before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Network:
    """A net of layers with one logit a sub-channel, trained by Adam on binary cross-entropy.

    Args:
        layers: Its layers.
        seed: Of the first weights.
        learning_rate: Of Adam.
    """

    def __init__(self, layers: tuple[Layer, ...], *, seed: int, learning_rate: float = 1e-3) -> None:
        # PyTorch draws first weights from its own generator, which the user's code may be using.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._module = nn.Sequential(*(_module(layer) for layer in layers))
        self._optimiser = torch.optim.Adam(self._module.parameters(), lr=learning_rate)
        self._loss = nn.BCEWithLogitsLoss()

    def step(
        self, inputs: Float32[np.ndarray, "item ..."], label: Bool[np.ndarray, "item subchannel"]
    ) -> float:
        """Learn from a batch, and return its mean loss before."""
        self._module.train()
        self._optimiser.zero_grad(set_to_none=True)
        loss = self._loss(self._module(_tensor(inputs)), _tensor(label.astype(np.float32)))
        loss.backward()
        self._optimiser.step()
        return float(loss.detach())

    def logits(self, inputs: Float32[np.ndarray, "item ..."]) -> Float32[np.ndarray, "item subchannel"]:
        """Return what the net makes of a batch: above zero is rather occupied."""
        self._module.eval()
        with torch.inference_mode():
            made: np.ndarray = self._module(_tensor(inputs)).numpy()
        return made

    def weights(self) -> dict[str, np.ndarray]:
        """Return a copy of all weights."""
        return {name: value.numpy().copy() for name, value in self._module.state_dict().items()}

    def load(self, weights: Mapping[str, np.ndarray]) -> None:
        """Take weights that :meth:`weights` gave, of the same layers."""
        self._module.load_state_dict({name: _tensor(value) for name, value in weights.items()})


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.require(values, requirements=["C", "W"]))
