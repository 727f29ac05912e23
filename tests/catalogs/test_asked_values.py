"""Options of loaders: numbers of NumPy's are taken, and what is of another type is one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jaxtyping
import numpy as np
import pytest

from iqatlas import Corpus, open_corpora, open_corpus
from iqatlas.errors import CorpusError


@pytest.fixture(autouse=True)
def _types_as_users_have_them() -> Iterator[None]:
    """Leave out the run-time checks that only tests have."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


def _line(call: Any, said: str) -> None:
    with pytest.raises(CorpusError) as caught:
        call()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"batch": 2.5}, "batch is 2.5; accepted: a whole number"),
        ({"batch": "8"}, "batch is '8'"),
        ({"batch": True}, "batch is True"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"buffer": 10.5}, "buffer is 10.5"),
        ({"rank": "0", "world": 1}, "rank is '0'"),
        ({"rank": 0, "world": 1.0}, "world is 1.0"),
        ({"shuffle": "no"}, "shuffle is 'no'; accepted: True or False"),
        ({"groups": 2}, "groups is 2; accepted: True or False"),
        ({"transform": 3}, "transform is 3; accepted: a function"),
        ({"window": True}, "a window of True does not fit"),
        ({"window": (0, True)}, "a window of (0, True) does not fit"),
        ({"split": 5}, "no split 5; accepted: train, validation, test"),
        ({"split": ["train"]}, "no split ['train']"),
        ({"receivers": 0}, "receivers is 0; accepted: a list of names"),
        ({"receivers": [0]}, "no receiver 0; accepted: uav0"),
        ({"variables": None}, "variables is None"),
        ({"variables": [None]}, "no variable None"),
        ({"variables": np.array([])}, "variables is empty"),
        ({"variables": "iq"}, "variables is the text 'iq'; accepted: a list of names"),
        ({"variables": np.array("iq")}, "variables is the text 'iq'"),
        ({"variables": b"iq"}, "variables is b'iq'; accepted: a list of names"),
        ({"variables": ("label", "label")}, "a variable is named twice"),
        ({"features": ["tabular"]}, "features is ['tabular']; accepted: a mapping of options by feature"),
        ({"features": {"tabular": 3}}, "features is {'tabular': 3}"),
    ],
)
def test_another_type_is_one_line(small_corpus: Corpus, asked: dict[str, Any], said: str) -> None:
    pytest.importorskip("torch")
    _line(lambda: small_corpus.torch(iterable=True, **asked), said)


def test_other_loaders_ask_the_same(small_corpus: Corpus) -> None:
    _line(lambda: small_corpus.torch(iterable=2), "iterable is 2")
    _line(lambda: small_corpus.tf(skip=1.5), "skip is 1.5; accepted: a whole number")
    _line(lambda: small_corpus.tf(epoch="1"), "epoch is '1'")
    _line(lambda: small_corpus.numpy(xy="yes"), "xy is 'yes'")
    _line(lambda: small_corpus.numpy(variables=("label", "label"), xy=True), "a variable is named twice")
    _line(lambda: small_corpus.to_pandas(split=3), "no split 3")
    _line(lambda: open_corpus(5), "a corpus is named by 5; accepted: a folder, or s3://bucket/name")  # type: ignore[arg-type]
    _line(lambda: open_corpora([None]), "a corpus is named by None")  # type: ignore[list-item]
    _line(lambda: open_corpora(5), "corpora are named by 5; accepted: a list of paths")  # type: ignore[arg-type]


def test_numbers_and_names_of_numpy_are_taken(small_corpus: Corpus) -> None:
    pytest.importorskip("torch")
    names = np.array(["iq", "record"])
    asked: dict[str, Any] = {"variables": names, "receivers": np.array(["uav1"]), "window": np.int32(16)}
    stream = small_corpus.torch(
        iterable=True, batch=np.int64(8), seed=np.uint8(3), buffer=np.int16(20), shuffle=np.True_, **asked
    )
    plain = small_corpus.torch(
        variables=("iq", "record"),
        receivers=["uav1"],
        window=16,
        iterable=True,
        batch=8,
        seed=3,
        buffer=20,
    )
    for given, wanted in zip(stream, plain, strict=True):
        assert given["record"].tolist() == wanted["record"].tolist()
        assert given["iq"].shape == wanted["iq"].shape
    assert list(small_corpus.numpy(variables=(name for name in ("slot", "record")))) == ["slot", "record"]
    json.dumps(stream.state_dict())  # a checkpoint holds plain numbers
