"""What people train with: ranks, Lightning's trainer, torchdata's loader that goes on."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus

torch = pytest.importorskip("torch")
NAMES = ("slot", "snr_level")

RANK = """
import json, sys
import torch
from iqatlas import open_corpus

meeting, folder, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.distributed.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
stream = open_corpus(folder).torch(split="train", variables=("slot", "snr_level"), iterable=True, batch=7)
epochs = []
for epoch in (0, 1):
    stream.set_epoch(epoch)
    loader = torch.utils.data.DataLoader(stream, batch_size=None, num_workers=rank, timeout=60 * rank)
    epochs.append([pair for b in loader for pair in zip(b["slot"].tolist(), b["snr_level"].tolist())])
counts = [torch.zeros(1, dtype=torch.int64) for _ in range(2)]
torch.distributed.all_gather(counts, torch.tensor([len(epochs[0])]))
even = open_corpus(folder).torch(split="train", variables=("label",), iterable=True, batch=4, even=True)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(16, 1))
steps = 0
for batch in torch.utils.data.DataLoader(even, batch_size=None):
    model(batch["label"].float()).sum().backward()
    steps += 1
counts = [int(count) for count in counts]
print(json.dumps({"steps": steps, "items": epochs, "counts": counts, "own": stream.items()}))
torch.distributed.destroy_process_group()
"""


@pytest.fixture
def _crashes_are_told() -> Iterator[None]:
    """Keep pytest's handlers of crashes: Lightning puts back those that Python knows of, which are none."""
    put = signal.signal
    crashes = {"SIGSEGV", "SIGFPE", "SIGABRT", "SIGBUS", "SIGILL"}
    theirs = {one.value for one in signal.Signals if one.name in crashes}

    def put_unless_of_a_crash(number: int, handler: Any) -> Any:
        return signal.getsignal(number) if number in theirs else put(number, handler)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signal, "signal", put_unless_of_a_crash)
        yield


def _pairs(batch: dict[str, Any]) -> list[tuple[int, float]]:
    return list(zip(batch["slot"].tolist(), batch["snr_level"].tolist(), strict=True))


def _wanted(corpus: Corpus) -> list[tuple[int, float]]:
    stored = corpus.split("train")
    return sorted(zip(stored["slot"].values.tolist(), stored["snr_level"].values.tolist(), strict=True))


def test_processes_that_train_together_share_each_epoch(small_corpus: Corpus, tmp_path: Path) -> None:
    command = [sys.executable, "-c", RANK, str(tmp_path / "meeting"), small_corpus.place.name]
    ranks = [
        subprocess.Popen([*command, str(rank)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    said = []
    for rank in ranks:
        out, error = rank.communicate(timeout=120)
        assert rank.returncode == 0, error[-2000:]
        said.append(json.loads(out))
    assert said[0]["steps"] == said[1]["steps"] > 0  # or the gradients of one would wait for the other's
    for epoch in range(2):
        shares = [[tuple(pair) for pair in one["items"][epoch]] for one in said]
        assert all(shares)
        assert sorted(shares[0] + shares[1]) == _wanted(small_corpus)
    assert said[0]["items"][0] != said[0]["items"][1]
    assert said[0]["counts"] == said[1]["counts"] == [len(one["items"][0]) for one in said]
    assert [len(one["items"][1]) for one in said] == [one["own"] for one in said]


@pytest.mark.usefixtures("_crashes_are_told")
def test_lightning_trains_on_the_stream(small_corpus: Corpus, tmp_path: Path) -> None:
    lightning = pytest.importorskip("pytorch_lightning")
    given: dict[int, list[tuple[int, float]]] = {}
    losses: list[float] = []

    class Detector(lightning.LightningModule):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            super().__init__()
            sizes = small_corpus.dataset.sizes
            self.layer = torch.nn.Linear(sizes["receiver"] * sizes["sample"], sizes["subchannel"])

        def train_dataloader(self) -> Any:
            self.stream = small_corpus.torch(
                split="train", variables=("iq", "label", *NAMES), iterable=True, batch=16, seed=4
            )
            self.stream.set_epoch(self.trainer.current_epoch)  # the first batch is fetched before the hook
            return torch.utils.data.DataLoader(self.stream, batch_size=None)

        def on_train_epoch_start(self) -> None:
            self.stream.set_epoch(self.current_epoch)

        def training_step(self, batch: dict[str, Any]) -> Any:
            given.setdefault(self.current_epoch, []).extend(_pairs(batch))
            scaled = batch["iq"].abs().flatten(1)
            guessed = self.layer(scaled / scaled.mean())
            loss = torch.nn.functional.binary_cross_entropy_with_logits(guessed, batch["label"].float())
            losses.append(loss.item())
            return loss

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=1e-3)

    def trained(epochs: int, checkpoint: Path | None = None) -> Any:
        trainer = lightning.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=tmp_path,
        )
        trainer.fit(Detector(), ckpt_path=checkpoint)
        return trainer

    trained(2).save_checkpoint(tmp_path / "two.ckpt")
    assert sorted(given) == [0, 1]
    trained(4, tmp_path / "two.ckpt")
    assert sorted(given) == [0, 1, 2, 3]
    for items in given.values():
        assert sorted(items) == _wanted(small_corpus)
    assert np.isfinite(losses).all()
    alone = small_corpus.torch(split="train", variables=NAMES, iterable=True, batch=16, seed=4)
    for epoch, items in given.items():
        alone.set_epoch(epoch)
        assert [pair for batch in alone for pair in _pairs(batch)] == items


@pytest.mark.parametrize("workers", [0, 2])
def test_torchdatas_loader_goes_on_in_the_middle_of_an_epoch(small_corpus: Corpus, workers: int) -> None:
    loading = pytest.importorskip("torchdata.stateful_dataloader")

    def loader() -> Any:
        stream = small_corpus.torch(split="train", variables=NAMES, iterable=True, batch=5, buffer=20)
        return loading.StatefulDataLoader(stream, batch_size=None, num_workers=workers)

    whole = [_pairs(batch) for batch in loader()]
    first = loader()
    taken = iter(first)
    begun = [_pairs(next(taken)) for _ in range(3)]
    state = first.state_dict()
    second = loader()
    second.load_state_dict(state)
    rest = [_pairs(batch) for batch in second]
    assert begun == whole[:3]
    assert sorted(pair for batch in begun + rest for pair in batch) == _wanted(small_corpus)
    if not workers:
        assert rest == whole[3:]
    assert sorted(pair for batch in second for pair in _pairs(batch)) == _wanted(small_corpus)
