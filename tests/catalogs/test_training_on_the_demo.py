"""Training on the demo: the bundled spec with fewer slots and no ray tracer, in PyTorch and in TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus, CorpusSpec, generate

VARIABLES = ("iq", "label")
EPOCHS = 4
GAIN = 10
"""Brings samples, of 0.04 √mW in the mean, nearer to one."""
LEARNT = 0.9
"""Some is learnt by heart at once: an untrained model, stays at 1."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a demo of 60 slots at nine levels of noise."""
    spec = CorpusSpec.from_tree(
        {"raytracing": {"kind": "free_space"}, "capture": {"slots": 60}, "features": {"spectrogram": None}}
    )
    assert spec.name == CorpusSpec.from_tree({}).name
    return generate(spec, tmp_path_factory.mktemp("demo") / "corpus")


def test_a_torch_loop_trains(demo: Corpus) -> None:
    torch = pytest.importorskip("torch")
    stream = demo.torch(split="train", variables=VARIABLES, iterable=True, batch=32, seed=1)
    loader = torch.utils.data.DataLoader(stream, batch_size=None)
    torch.manual_seed(1)
    model = torch.nn.Linear(3 * 1024 * 2, demo.dataset.sizes["subchannel"])
    step = torch.optim.Adam(model.parameters(), 1e-3)
    losses, seen = [], []
    for epoch in range(EPOCHS):
        stream.set_epoch(epoch)
        parts = []
        for batch in loader:
            given = torch.view_as_real(batch["iq"]).flatten(1) * GAIN
            loss = torch.nn.functional.binary_cross_entropy_with_logits(model(given), batch["label"].float())
            step.zero_grad()
            loss.backward()
            step.step()
            parts.append((float(loss.detach()), len(given)))
        values, sizes = np.array(parts).T
        losses.append(np.average(values, weights=sizes))
        seen.append(int(sizes.sum()))
    assert seen == [demo.manifest.splits["train"]] * EPOCHS
    assert losses[-1] < LEARNT * losses[0]


def test_a_keras_model_fits(demo: Corpus) -> None:
    tf = pytest.importorskip("tensorflow")

    def inputs_and_labels(batch: dict[str, Any]) -> tuple[Any, Any]:
        parts = tf.stack([tf.math.real(batch["iq"]), tf.math.imag(batch["iq"])], axis=-1)
        return parts * GAIN, tf.cast(batch["label"], tf.float32)

    train, held = (
        demo.tf(split=split, variables=VARIABLES, batch=32, seed=1, transform=inputs_and_labels)
        for split in ("train", "validation")
    )
    tf.keras.utils.set_random_seed(1)
    outputs = demo.dataset.sizes["subchannel"]
    model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(outputs)])
    loss = tf.keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(optimizer=tf.keras.optimizers.Adam(1e-3), loss=loss)
    history = model.fit(train, validation_data=held, epochs=EPOCHS, verbose=0).history
    assert history["loss"][-1] < LEARNT * history["loss"][0]
    assert np.isfinite(history["val_loss"]).all() and len(history["val_loss"]) == EPOCHS
