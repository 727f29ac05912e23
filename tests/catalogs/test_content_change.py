"""What changed between two corpora decides the least version number that says so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.catalogs.content_change import content_changes, least_change
from iqatlas.catalogs.version_number import Change


def _other_value(corpus: Path) -> None:
    array = zarr.open_array(corpus / "records.zarr/noise_power", mode="r+")
    array[-1] = array[-1] + 0.1  # of a dB: too little for what verification compares


def _shuffled(corpus: Path) -> None:
    array = zarr.open_array(corpus / "records.zarr/iq", mode="r+")
    array[:] = np.asarray(array[:])[::-1]


def _without_iq(corpus: Path) -> None:
    shutil.rmtree(corpus / "records.zarr/iq")
    zarr.consolidate_metadata(corpus / "records.zarr")


def _repackaged(corpus: Path) -> None:
    values = zarr.open_array(corpus / "records.zarr/snr")
    attributes, names = dict(values.attrs), values.metadata.dimension_names
    content = np.asarray(values[:])
    shutil.rmtree(corpus / "records.zarr/snr")
    zarr.create_array(
        corpus / "records.zarr", name="snr", data=content, chunks=(16, 1), dimension_names=names,
        attributes=attributes,
    )  # fmt: skip
    zarr.consolidate_metadata(corpus / "records.zarr")


def _one_more_variable(corpus: Path) -> None:
    zarr.create_array(
        corpus / "records.zarr", name="mood", data=np.zeros(80, np.float32), dimension_names=("record",)
    )
    zarr.consolidate_metadata(corpus / "records.zarr")


RULES: dict[str, tuple[Callable[[Path], object], Change]] = {
    "nothing": (lambda corpus: None, Change.PATCH),
    "another card": (lambda corpus: (corpus / "README.md").write_text("read me"), Change.PATCH),
    "repackaged": (_repackaged, Change.PATCH),
    "a new file": (lambda corpus: (corpus / "scene/more.txt").write_text("more"), Change.MINOR),
    "a new variable": (_one_more_variable, Change.MINOR),
    "another value": (_other_value, Change.MAJOR),
    "shuffled": (_shuffled, Change.MAJOR),
    "a variable is gone": (_without_iq, Change.MAJOR),
    "a table is gone": (lambda corpus: (corpus / "scene/sites.parquet").unlink(), Change.MAJOR),
}


@pytest.mark.filterwarnings("ignore:Consolidated metadata")
@pytest.mark.parametrize("rule", RULES)
def test_the_least_version_follows_from_what_changed(
    rule: str, mine: Path, tiny_corpus: Corpus, reseal: Callable[..., None]
) -> None:
    act, change = RULES[rule]
    act(mine)
    reseal(mine)
    assert least_change(content_changes(tiny_corpus, open_corpus(mine))) is change


def test_appended_records_are_additive_and_fewer_are_not(
    tiny_spec: CorpusSpec, tmp_path: Path, quick_parts: None
) -> None:
    # Whole blocks of 32 records, whose random numbers are those of the block.
    def made(draws: int) -> Corpus:
        capture = tiny_spec.capture.model_copy(update={"slots": 96, "draws": draws})
        return generate(tiny_spec.model_copy(update={"capture": capture}), tmp_path / str(draws))

    shorter, longer = made(1), made(2)
    found = content_changes(shorter, longer)
    assert "96 records are new" in [finding.what for finding in found]
    assert least_change(found) is Change.MINOR
    assert least_change(content_changes(longer, shorter)) is Change.MAJOR
