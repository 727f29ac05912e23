"""How much of a feature is worked out at once when it is read: a block, or a part of it that memory holds."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas import Corpus
from iqatlas.catalogs import corpus_features
from iqatlas.errors import SpecError
from iqatlas.features.registry import feature_with
from iqatlas.features.setting import CaptureSetting

FULL = {"channels": 32, "output": {"kind": "full"}}


def test_blocks_that_make_much_are_worked_out_in_parts(
    small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = small_corpus.features("cyclic_spectrum", **FULL)
    block = int(small_corpus.dataset["iq"].encoding["chunks"][0])
    receivers = small_corpus.dataset.sizes["receiver"]
    assert block == 8 and receivers == 3
    assert whole.data.chunksize[:2] == (block, receivers)
    a_record = whole.nbytes // whole.sizes["record"]
    some = slice(4, 14)
    values = whole.isel(record=some).values
    for allowed, parts in (
        (5 * a_record, (4, receivers)),  # parts of a block divide it
        (a_record, (1, receivers)),
        (a_record - 1, (1, 2)),
        (1, (1, 1)),
    ):
        monkeypatch.setattr(corpus_features, "AT_ONCE_BYTES", allowed)
        lazy = small_corpus.features("cyclic_spectrum", **FULL)
        assert lazy.data.chunksize[:2] == parts
        # Transforms of fewer captures at once may round otherwise.
        np.testing.assert_allclose(lazy.isel(record=some).values, values, atol=1e-3)


def test_a_plane_of_2048_channels_is_worked_out_two_records_at_a_time() -> None:
    """Of captures of 4096 samples, 32 MiB each: a block of 64 records and 3 receivers would take 6 GiB."""
    setting = CaptureSetting(4096, 15.36e6, np.array([[-1e6, 1e6]]))
    feature, spec = feature_with("cyclic_spectrum", {"channels": 2048, "output": {"kind": "full"}})
    layout = feature.layout(spec, setting)
    assert corpus_features._worked_at_once("cyclic_spectrum", layout, setting, 64, 3) == (2, 3)


def test_a_capture_that_no_memory_holds_is_refused(
    small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus_features, "_LARGEST_CAPTURE_BYTES", 1 << 14)
    said = r"^features\.cyclic_spectrum: one capture takes .* GiB; accepted: at most 16384 bytes a capture$"
    with pytest.raises(SpecError, match=said):
        small_corpus.features("cyclic_spectrum", **FULL)
    with pytest.raises(SpecError, match=said):
        small_corpus.numpy(variables=("cyclic_spectrum",), features={"cyclic_spectrum": FULL})
    small_corpus.features("subchannel_energy")


def test_loaders_work_out_as_much_at_once_as_readers(
    small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[int] = []
    of = corpus_features.AskedFeature.of

    def counted(
        self: corpus_features.AskedFeature, iq: np.ndarray, samples: tuple[int, int] | None
    ) -> np.ndarray:
        given.append(len(iq))
        return of(self, iq, samples)

    monkeypatch.setattr(corpus_features.AskedFeature, "of", counted)
    a_record = 4 * 3 * 128
    monkeypatch.setattr("iqatlas.catalogs.worked_columns.AT_ONCE_BYTES", 4 * a_record)
    got = small_corpus.numpy(variables=("power_spectrum",))["power_spectrum"]
    assert max(given) == 4 and sum(given) == len(got)
