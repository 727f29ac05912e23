"""The TensorFlow loader: the stream's order, each item once an epoch, going on, and a model that fits."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus, open_corpus
from iqatlas.errors import CorpusError, SetupError

tf = pytest.importorskip("tensorflow")
NAMES = ("slot", "snr_level")


def _keys(batches: Any) -> list[tuple[int, float]]:
    found = []
    for batch in batches:
        slots, levels = np.atleast_1d(batch["slot"]), np.atleast_1d(batch["snr_level"])
        found += list(zip(slots.tolist(), levels.tolist(), strict=True))
    return found


def test_the_order_is_that_of_the_torch_stream(small_corpus: Corpus) -> None:
    pytest.importorskip("torch")
    asked = {"split": "train", "variables": NAMES, "seed": 4, "buffer": 20}
    dataset = small_corpus.tf(batch=7, **asked)
    stream = small_corpus.torch(iterable=True, batch=7, **asked)
    for epoch in (0, 1):  # each iteration is the next epoch
        stream.set_epoch(epoch)
        assert _keys(dataset) == _keys(stream)
    assert len(dataset) == -(-small_corpus.manifest.splits["train"] // 7)
    assert _keys(small_corpus.tf(epoch=1, **asked)) == _keys(stream)  # item by item


def test_ranks_share_an_epoch_and_it_goes_on_where_it_stopped(small_corpus: Corpus) -> None:
    asked: dict[str, Any] = {"variables": NAMES, "buffer": 20, "batch": 9, "epoch": 2}
    whole = _keys(small_corpus.tf(**asked))
    shares = [_keys(small_corpus.tf(rank=rank, world=2, **asked)) for rank in range(2)]
    assert sorted(shares[0] + shares[1]) == sorted(whole)
    assert len(whole) == len(set(whole)) == 160
    rest = small_corpus.tf(skip=4, **asked)
    assert _keys(rest) == whole[36:]
    assert len(_keys(rest)) == 160  # the next epoch is whole


def test_even_ranks_give_as_many_items_in_every_epoch(small_corpus: Corpus) -> None:
    asked: dict[str, Any] = {"split": "train", "variables": NAMES, "batch": 8, "world": 3}
    ranks = [small_corpus.tf(rank=rank, even=True, **asked) for rank in range(3)]
    for _ in range(2):
        given = [_keys(one) for one in ranks]
        assert len({len(one) for one in given}) == 1
        assert len({pair for one in given for pair in one}) == sum(map(len, given)) > 0
    assert len({len(_keys(small_corpus.tf(rank=rank, **asked))) for rank in range(3)}) > 1


def test_a_corpus_that_changed_is_told_at_once_or_in_the_first_line(copied: Path) -> None:
    corpus = open_corpus(copied)
    dataset = corpus.tf(variables=("label",), batch=16)
    manifest = copied / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b" ")
    said = f"{copied}: the corpus was changed since it was opened; open it again"
    with pytest.raises(CorpusError) as caught:
        corpus.tf()
    assert str(caught.value) == said
    with pytest.raises(tf.errors.InvalidArgumentError) as late:
        next(iter(dataset))
    assert late.value.message.splitlines()[0].endswith(f"CorpusError: {said}")


def test_samples_are_the_stores(small_corpus: Corpus) -> None:
    asked: dict[str, Any] = {"split": "test", "receivers": ["uav2", "uav0"], "window": (10, 32)}
    stored = small_corpus.numpy(variables=("iq", "label"), **asked)
    dataset = small_corpus.tf(shuffle=False, batch=5, transform=lambda b: (b["iq"], b["label"]), **asked)
    assert dataset.element_spec[0].shape.as_list() == [None, 2, 32]
    samples, labels = (np.concatenate(part) for part in zip(*dataset.as_numpy_iterator(), strict=True))
    np.testing.assert_array_equal(samples, stored["iq"])
    np.testing.assert_array_equal(labels, stored["label"])
    single = next(iter(small_corpus.tf(groups=False, variables=("iq",))))
    assert single["iq"].shape.as_list() == [256]


def test_a_model_fits(small_corpus: Corpus) -> None:
    def inputs_and_labels(batch: dict[str, Any]) -> tuple[Any, Any]:
        parts = tf.stack([tf.math.real(batch["iq"]), tf.math.imag(batch["iq"])], axis=-1)
        return tf.reshape(parts, (-1, 256, 2)) * 1e4, tf.cast(batch["label"], tf.float32)

    train = small_corpus.tf(split="train", groups=False, batch=32, transform=inputs_and_labels)
    tf.keras.utils.set_random_seed(1)
    layers = [tf.keras.layers.Flatten(), tf.keras.layers.Dense(16, activation="sigmoid")]
    model = tf.keras.Sequential(layers)
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-2), loss="binary_crossentropy", run_eagerly=True)
    losses = model.fit(train, epochs=4, verbose=0).history["loss"]
    assert losses[-1] < 0.9 * losses[0]  # a linear model learns some of it by heart


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"split": "trian"}, "no split 'trian', did you mean 'train'?"),
        ({"variables": ("iqq",)}, "no variable 'iqq', did you mean 'iq'?"),
        ({"receivers": ["uav9"]}, "no receiver 'uav9'"),
        ({"window": 257}, "a window of 257 does not fit into captures of 256 samples"),
        ({"epoch": -1}, "epoch is -1; accepted: 0 or more"),
        ({"skip": -1}, "skip is -1"),
        ({"batch": 0}, "a batch of 0 items"),
        ({"rank": 1}, "rank and world belong together"),
        ({"rank": 2, "world": 2}, "rank 2 of a world of 2"),
    ],
)
def test_what_cannot_be_is_one_line(small_corpus: Corpus, asked: dict[str, Any], said: str) -> None:
    with pytest.raises(CorpusError) as caught:
        small_corpus.tf(**asked)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_tensorflow_the_remedy_is_named(
    small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "iqatlas.catalogs._tensorflow", raising=False)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(SetupError, match=r"TensorFlow is not installed; pip install 'iqatlas\[tensorflow\]'"):
        small_corpus.tf()
