"""The code of docs/loading.md runs, in order, and gives what the page says."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import iqatlas
from iqatlas import Corpus, open_corpus

pytest.importorskip("torch")
PAGE = Path(__file__).parents[2] / "docs" / "loading.md"


def test_the_page_runs(small_corpus: Corpus, tmp_path: Path, reseal: Callable[..., None]) -> None:
    other = shutil.copytree(small_corpus.path, tmp_path / "other")
    reseal(other, name="other")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 7
    names: dict[str, object] = {
        "iqatlas": iqatlas,
        "corpus": open_corpus(small_corpus.path),
        "other": open_corpus(other),
    }
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    train = small_corpus.manifest.splits["train"]
    assert names["iq"].shape == (train, 3, 64)
    assert names["x"].shape == (3 * train, 33)
    assert names["batch"]["iq"].shape == (32, 3, 256)
    assert names["samples"].shape[1:] == (3, 256, 2)
    assert sum(len(batch["label"]) for batch in names["rest"]) == train - 16
    assert names["one_city"].sizes["record"] == 160
    assert len(names["arrays"]["label"]) == 2 * train
