"""Errors: one line each, also builtins, and whole after the way back from a worker."""

from __future__ import annotations

import copy
import pickle
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqatlas import errors
from iqatlas.catalogs.manifest import read_manifest
from iqatlas.errors import CorpusError, IqAtlasError, MissingFileError, nearest


def _all(root: type[IqAtlasError]) -> list[type[IqAtlasError]]:
    return [root, *(below for kind in root.__subclasses__() for below in _all(kind))]


KINDS = _all(IqAtlasError)
BUILTINS = {
    "SpecError": ValueError,
    "MissingFileError": FileNotFoundError,
    "SceneError": ValueError,
    "SitesError": ValueError,
    "ReceiversError": ValueError,
    "RaytracingError": RuntimeError,
    "SetupError": RuntimeError,
    "CorpusError": ValueError,
    "StorageError": OSError,
    "CheckFailedError": ValueError,
}
TEXT = st.text(max_size=30)


@pytest.mark.parametrize("kind", KINDS)
def test_what_where_accepted_and_remedy_in_one_line(kind: type[IqAtlasError]) -> None:
    error = kind("too loud", where="capture.gain", accepted="0 to 1", remedy="turn it down")
    assert str(error) == "capture.gain: too loud; accepted: 0 to 1; turn it down"
    assert str(kind("too loud")) == "too loud"
    assert str(kind("too loud", remedy="turn it down")) == "too loud; turn it down"
    assert traceback.format_exception_only(error)[0].count("\n") == 1


@pytest.mark.parametrize("kind", KINDS)
@given(what=TEXT, where=TEXT | st.none(), accepted=TEXT | st.none(), remedy=TEXT | st.none())
def test_whatever_the_user_gave_it_stays_one_line(
    kind: type[IqAtlasError], what: str, where: str | None, accepted: str | None, remedy: str | None
) -> None:
    line = str(kind(what, where=where, accepted=accepted, remedy=remedy))
    assert len(line.splitlines()) <= 1


@pytest.mark.parametrize("kind", [k for k in KINDS if k is not IqAtlasError])
def test_each_is_also_a_builtin(kind: type[IqAtlasError]) -> None:
    assert issubclass(kind, BUILTINS[kind.__name__])
    with pytest.raises(BUILTINS[kind.__name__]):
        raise kind("wrong")


def test_codes_are_stable_and_tell_apart() -> None:
    codes = {kind.__name__: kind.code for kind in KINDS}
    assert len(set(codes.values())) == len(codes)
    # Scripts match on them.
    assert codes["SpecError"] == "spec"
    assert codes["MissingFileError"] == "missing-file"
    assert codes["CorpusError"] == "corpus"
    assert codes["StorageError"] == "storage"


def test_exit_codes_tell_a_failed_check_from_wrong_input() -> None:
    assert {kind.__name__ for kind in KINDS if kind.exit_code == 1} == {"CheckFailedError"}
    assert all(kind.exit_code == 2 for kind in KINDS if kind is not errors.CheckFailedError)


@pytest.mark.parametrize("kind", KINDS)
def test_pickling_and_copying_keep_everything(kind: type[IqAtlasError]) -> None:
    error = kind("too loud", where="a.b", accepted="less", remedy="turn it down")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is kind
        assert (twin.what, twin.where, twin.accepted, twin.remedy) == (
            "too loud",
            "a.b",
            "less",
            "turn it down",
        )
        assert str(twin) == str(error)


def test_errors_come_back_whole_from_a_worker(tmp_path: Path) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for folder, kind in ((tmp_path / "nothing", MissingFileError), (tmp_path, CorpusError)):
            with pytest.raises(kind) as caught:
                read_manifest(folder)
            here = caught.value
            elsewhere = pool.submit(read_manifest, folder).exception(timeout=60)
            assert type(elsewhere) is kind
            assert (elsewhere.what, elsewhere.where) == (here.what, here.where)
            assert str(elsewhere) == str(here)


def test_an_error_that_a_loader_makes_of_a_traceback_keeps_its_line() -> None:
    first = CorpusError("it was changed", where="a: b", remedy="open it again")
    trace = f"Original Traceback (most recent call last):\n  File x\niqatlas.errors.CorpusError: {first}\n"
    again = CorpusError(f"Caught CorpusError in DataLoader worker process 0.\n{trace}")
    assert str(again) == str(first)


@pytest.mark.parametrize(
    ("word", "wanted"),
    [("trian", "train"), ("validate", "validation"), ("TEST", None), ("xyz", None), ("", None)],
)
def test_the_nearest_word(word: str, wanted: str | None) -> None:
    assert nearest(word, ["train", "validation", "test"]) == wanted


@given(st.text(min_size=1), st.lists(st.text(), max_size=5))
def test_a_known_word_is_nearest_to_itself(word: str, others: list[str]) -> None:
    assert nearest(word, iter([*others, word])) == word
