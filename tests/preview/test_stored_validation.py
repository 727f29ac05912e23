"""Tables that a validation left beside a corpus are shown, and strangers' files are refused in a line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from iqatlas import Corpus
from iqatlas.detectors.report import parquet
from iqatlas.detectors.validated_corpus import KEY, ValidatedCorpus, of_metadata
from iqatlas.errors import CorpusError, MissingFileError
from iqatlas.preview import stored_validation
from iqatlas.preview.stored_validation import read_validation, stored_section, validation_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    words = ["P_D rises: yes", "<b>CNN</b> beats energy: no", "P_FA as designed: no"]
    verdicts = pd.DataFrame({"holds": [True, False, False], "text": words, "binding": [True, False, True]})
    scores = pd.DataFrame(
        {"detector": ["energy", "<i>"], "p_d": [0.9, None], "p_fa": [0.1, 0.2], "mcc": [None] * 2}
    )
    verdicts.to_parquet(tmp_path / "verdicts.parquet")
    scores.to_parquet(tmp_path / "scores.parquet")
    return tmp_path


def test_verdicts_and_scores_are_shown(folder: Path) -> None:
    shown = stored_section(read_validation(folder))
    assert "<b>yes</b>P_D rises: yes" in shown
    # What binds nobody is no fault of the corpus.
    assert '<b class="open">–</b>&lt;b&gt;CNN&lt;/b&gt; beats energy: no' in shown
    assert '<b class="no">no</b>P_FA as designed: no' in shown
    assert '<td class="number">0.900</td><td class="number">0.100</td>' in shown
    assert '&lt;i&gt;</th><td class="number">–</td>' in shown
    # A score that nobody has is no column.
    assert "MCC" not in shown
    pd.DataFrame({"detector": ["all ones"], "p_d": [1.0]}).to_parquet(folder / "trivial.parquet")
    assert "all ones" in stored_section(read_validation(folder))


def test_it_lies_beside_the_corpus(small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    beside = Path(f"{small_corpus.path}-validation")
    assert validation_folder(small_corpus) is None
    beside.mkdir()
    try:
        assert validation_folder(small_corpus) is None
        pd.DataFrame({"holds": [True], "text": ["so"]}).to_parquet(beside / "verdicts.parquet")
        assert validation_folder(small_corpus) == beside
    finally:
        (beside / "verdicts.parquet").unlink(missing_ok=True)
        beside.rmdir()


def test_what_is_no_validation_is_one_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingFileError, match=r"no verdicts\.parquet"):
        read_validation(folder / "nowhere")
    kept = (folder / "verdicts.parquet").read_bytes()
    for content in (b"", b"PAR1", kept[: len(kept) // 2], kept[:40] + b"\xff" * 30 + kept[70:]):
        (folder / "verdicts.parquet").write_bytes(content)
        with pytest.raises(CorpusError, match="no table of a validation"):
            read_validation(folder)
    pd.DataFrame({"other": [1]}).to_parquet(folder / "verdicts.parquet")
    with pytest.raises(CorpusError, match="holds, text"):
        read_validation(folder)
    (folder / "verdicts.parquet").write_bytes(kept)
    monkeypatch.setattr(stored_validation, "_MOST_CELLS", 4)
    with pytest.raises(CorpusError, match="up to 4 cells"):
        read_validation(folder)
    monkeypatch.setattr(stored_validation, "_LARGEST_BYTES", 100)
    with pytest.raises(CorpusError, match="larger than"):
        read_validation(folder)


def test_a_validation_of_another_corpus_is_left_out(folder: Path) -> None:
    assert "tell which corpus they are of" in stored_section(read_validation(folder), "0" * 64)
    told = ValidatedCorpus(manifest_sha256="a" * 64, false_alarm=0.01, records=50, total_records=1600)
    rows = pd.read_parquet(folder / "verdicts.parquet")
    (folder / "verdicts.parquet").write_bytes(parquet(rows, told.metadata()))
    stored = read_validation(folder)
    assert stored.of == told
    own = stored_section(stored, "a" * 64)
    assert "P_D rises: yes" in own
    assert "Thresholds for a P_FA of 0.01; 50 of 1,600 records were looked at." in own
    other = stored_section(stored, "b" * 64)
    assert "P_D rises" not in other
    assert "of another corpus" in other


@pytest.mark.parametrize("told", [b"{", b"[" * 5000, b'{"manifest_sha256": "x"}', b"\xff"])
def test_metadata_of_strangers_tell_nothing(told: bytes) -> None:
    assert of_metadata({KEY: told}) is None
