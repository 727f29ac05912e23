"""The code of the pages on loading runs, in order, and gives what they say."""

from __future__ import annotations

import re
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import iqatlas
from iqatlas import Corpus, CorpusSpec, generate, open_corpus

DOCS = Path(__file__).parents[2] / "docs"


def _run(page: str, blocks: int, names: dict[str, Any]) -> dict[str, Any]:
    code = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)
    assert len(code) == blocks
    for block in code:
        exec(compile(block, page, "exec"), names)
    return names


def test_several_corpora(small_corpus: Corpus, tmp_path: Path, reseal: Callable[..., None]) -> None:
    other = shutil.copytree(small_corpus.path, tmp_path / "other")
    reseal(other, name="other")
    names = {"iqatlas": iqatlas, "corpus": open_corpus(small_corpus.path), "other": open_corpus(other)}
    _run("loading.md", 3, names)
    np.testing.assert_array_equal(names["one"]["snr"], names["same"])
    np.testing.assert_array_equal(names["worked_out"]["power_spectrum"], names["own"])
    assert names["one_city"].sizes["record"] == 160
    assert len(names["arrays"]["label"]) == 2 * small_corpus.manifest.splits["train"]


def test_xarray(small_corpus: Corpus) -> None:
    names = _run("loading-xarray.md", 2, {"corpus": open_corpus(small_corpus.path)})
    assert names["first"].shape == (10, 3)
    assert names["units"] == "Hz"


def test_numpy(small_corpus: Corpus) -> None:
    names = _run("loading-numpy.md", 2, {"corpus": open_corpus(small_corpus.path)})
    train = small_corpus.manifest.splits["train"]
    assert names["iq"].shape == (train, 3, 64)
    assert names["x"].shape == (3 * train, 33)


def test_torch(small_corpus: Corpus) -> None:
    pytest.importorskip("torch")
    names = _run("loading-torch.md", 4, {"corpus": open_corpus(small_corpus.path)})
    assert names["batch"]["iq"].shape == (32, 3, 256)
    assert names["samples"].shape[1:] == (3, 256, 2)
    assert sum(len(batch["label"]) for batch in names["rest"]) == small_corpus.manifest.splits["train"] - 16


def test_tensorflow(small_corpus: Corpus) -> None:
    pytest.importorskip("tensorflow")
    names = _run("loading-tensorflow.md", 2, {"corpus": open_corpus(small_corpus.path)})
    assert len(names["history"].history["loss"]) == 2
    assert names["batches"] == -(-small_corpus.manifest.splits["train"] // 32) - 2


def test_the_example_learns(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    tree = {
        "name": "example",
        "raytracing": {"kind": "free_space"},
        "capture": {"slots": 500, "snr_db": 20, "samples": 256},
    }
    corpus = generate(CorpusSpec.from_tree(tree), tmp_path / "corpus")
    names = runpy.run_path(str(DOCS.parent / "examples" / "train_cnn.py"))
    threads = torch.get_num_threads()
    try:
        reached, all_occupied = names["f1"](corpus, names["train"](corpus, epochs=20))
    finally:
        torch.set_num_threads(threads)
    # Half of what separates calling everything occupied from no error at all.
    assert reached > (1 + all_occupied) / 2
