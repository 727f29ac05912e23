"""Train a small CNN on a corpus: ``python examples/train_cnn.py helsinki-demo``."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import torch

import iqatlas


def inputs(batch: dict[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return spectra over the noise, a channel a receiver, in units of 10 dB, and labels."""
    floor = batch["noise_power"][..., None] - 70  # dBm in the band: about that much in a Hz
    spectra = batch["spectrogram"].mul(np.log(10) / 10).logsumexp(2) * 10 / np.log(10) - 11.8
    return ((spectra - floor) / 10).clamp(-1, 6), batch["label"].float()


def loader(corpus: iqatlas.Corpus, split: str, **options: Any) -> torch.utils.data.DataLoader:
    """Return batches of 64 records with all their receivers."""
    names = ("spectrogram", "noise_power", "label")
    stream = corpus.torch(split=split, variables=names, iterable=True, batch=64, transform=inputs, **options)
    return torch.utils.data.DataLoader(stream, batch_size=None)


def train(corpus: iqatlas.Corpus, epochs: int, seed: int = 1) -> torch.nn.Module:
    """Return a CNN after some epochs; the same weights each time on one machine."""
    torch.set_num_threads(1)  # and the sums are of one order
    torch.manual_seed(seed)
    outputs = corpus.dataset.sizes["subchannel"]
    model = torch.nn.Sequential(
        *(torch.nn.LazyConv1d(32, 5, padding=2), torch.nn.ReLU(), torch.nn.MaxPool1d(2)),
        *(torch.nn.LazyConv1d(32, 5, padding=2), torch.nn.ReLU()),
        *(torch.nn.Flatten(), torch.nn.LazyLinear(64), torch.nn.ReLU(), torch.nn.LazyLinear(outputs)),
    )
    batches = loader(corpus, "train", seed=seed)
    model(next(iter(batches))[0])  # its sizes follow from the first batch
    step = torch.optim.Adam(model.parameters(), 2e-3)
    for epoch in range(epochs):
        batches.dataset.set_epoch(epoch)
        for samples, labels in batches:
            step.zero_grad()
            torch.nn.functional.binary_cross_entropy_with_logits(model(samples), labels).backward()
            step.step()
    return model.eval()


def f1(corpus: iqatlas.Corpus, model: torch.nn.Module) -> tuple[float, float]:
    """Return F1 of occupied sub-channels on the test split, and that of calling all of them occupied."""
    with torch.no_grad():
        pairs = [
            (model(samples) > 0, labels > 0) for samples, labels in loader(corpus, "test", shuffle=False)
        ]
    said, true = (np.concatenate([pair[k].numpy() for pair in pairs]) for k in (0, 1))
    return 2 * (said & true).sum() / (said.sum() + true.sum()), 2 * true.mean() / (1 + true.mean())


if __name__ == "__main__":
    opened = iqatlas.open_corpus(sys.argv[1])
    print("F1 {:.3f}; all occupied {:.3f}".format(*f1(opened, train(opened, epochs=30))))
