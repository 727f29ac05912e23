"""Stored features that are not what spec and I/Q say are found, even where every hash is right."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import zarr

from iqatlas import Corpus, CorpusSpec, generate
from iqatlas.catalogs._zarr import open_store
from iqatlas.catalogs.feature_invariants import feature_problems
from iqatlas.catalogs.manifest import read_manifest

SPEC = {
    "name": "featured",
    "raytracing": {"kind": "free_space"},
    "receivers": {"count": 2},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 80, "samples": 256, "snr_db": 10},
    "features": {
        "spectrogram": None,
        "power_spectrum": {"nperseg": 64},
        "cyclic_autocorrelation": {},
        "subchannel_energy": {"scale": "mw"},
        "tabular": {"nperseg": 64},
    },
}


@pytest.fixture(scope="module")
def featured(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return generate(CorpusSpec.from_tree(SPEC), tmp_path_factory.mktemp("corpora") / "featured")


@pytest.fixture
def copied(featured: Corpus, tmp_path: Path) -> Path:
    return shutil.copytree(featured.path, tmp_path / "copy")


def problems(corpus: Path, **features: object) -> list[str]:
    spec = read_manifest(corpus).spec
    asked = {**spec["features"], **features}
    return list(feature_problems(open_store(corpus / "records.zarr"), {**spec, "features": asked}))


def _change(corpus: Path, name: str, change: Callable[[np.ndarray], None]) -> None:
    array = zarr.open_group(corpus / "records.zarr", mode="r+", use_consolidated=False)[name]
    values = array[:]
    change(values)
    array[:] = values


def test_an_untouched_corpus_is_sound(featured: Corpus) -> None:
    assert problems(featured.path) == []


@pytest.mark.parametrize(
    ("name", "change", "found"),
    [
        ("power_spectrum", lambda v: v.__setitem__((5, 1, 3), np.nan),
         "power_spectrum: NaN or infinite in record 5"),
        ("tabular", lambda v: v.__setitem__(np.s_[70:73], np.inf),
         "tabular: NaN or infinite in record 70 and 2 more"),
        ("power_spectrum", lambda v: np.add(v, 1, out=v),
         "power_spectrum: not what the I/Q of the records 0 to 3 gives"),
        ("cyclic_autocorrelation", lambda v: np.conjugate(v, out=v),
         "cyclic_autocorrelation: not what the I/Q of the records 0 to 3 gives"),
        ("subchannel_energy", lambda v: v.__setitem__(slice(None), v[:, :, ::-1].copy()),
         "subchannel_energy: not what the I/Q of the records 0 to 3 gives"),
        ("tabular", lambda v: v.__setitem__((slice(None), slice(None), 3), 12345),
         "tabular: not what the I/Q of the records 0 to 3 gives, in power_p50"),
        ("power_spectrum", lambda v: v.__setitem__((slice(None), slice(None), 40), -90),
         "power_spectrum: not what the I/Q of the records 0 to 3 gives, in spectrum_frequency 240000"),
        ("cyclic_frequency", lambda v: np.add(v, 1, out=v),
         "records.zarr: cyclic_frequency is not what features.cyclic_autocorrelation of the spec gives"),
        ("spectrum_frequency", lambda v: v.__setitem__(slice(None), v[::-1].copy()),
         "records.zarr: spectrum_frequency is not what features.power_spectrum of the spec gives"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named(copied: Path, name: str, change: Callable[..., None], found: str) -> None:
    _change(copied, name, change)
    assert problems(copied) == [found]


@pytest.mark.parametrize(("name", "units"), [("power_spectrum", "mW/Hz"), ("subchannel_energy", "dBm")])
def test_units_are_those_of_the_spec(copied: Path, name: str, units: str) -> None:
    zarr.open_group(copied / "records.zarr", mode="r+", use_consolidated=False)[name].attrs["units"] = units
    zarr.consolidate_metadata(copied / "records.zarr")
    (found,) = problems(copied)
    assert found.startswith(f"records.zarr: {name} is in {units!r} in place of ")


def test_features_and_spec_name_each_other(featured: Corpus) -> None:
    path = featured.path
    assert problems(path, wavelet={}) == ["records.zarr: wavelet is missing"]
    assert problems(path, tabular=None) == [
        "records.zarr: tabular is there, and features of the spec does not name it"
    ]
    assert problems(path, power_spectrum={"nperseg": 32}) == [
        "records.zarr: spectrum_frequency has 64 places in place of 32"
    ]
    assert problems(path, cyclic_autocorrelation={"output": "magnitude"})[0] == (
        "records.zarr: cyclic_autocorrelation is complex64 in place of float32"
    )
    assert problems(path, cyclic_autocorrelation={"lag_samples": [128]})[0] == (
        "records.zarr: cyclic_autocorrelation lies on ('record', 'receiver', 'cyclic_frequency') in place of "
        "('record', 'receiver', 'lag', 'cyclic_frequency')"
    )
    assert problems(path, power_spectrum={"nperseg": 4}) == [
        "manifest.json: features.power_spectrum.nperseg: 4: input should be greater than or equal to 8"
    ]


def test_a_feature_of_a_later_version_is_let_be(featured: Corpus) -> None:
    assert problems(featured.path, wigner_distribution={"order": 2}) == []


CYCLIC = {
    **SPEC,
    "receivers": {"count": 1},
    "features": {
        "spectrogram": None,
        "cyclic_spectrum": {"method": "ssca", "channels": 16, "output": {"kind": "full"}},
    },
}


@pytest.fixture(scope="module")
def cyclic(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return generate(CorpusSpec.from_tree(CYCLIC), tmp_path_factory.mktemp("corpora") / "cyclic")


def _as_earlier_code_stored_it(corpus: Path) -> None:
    """Take away what is new: the offsets, the words of what a value is, and a quarter of a channel."""
    group = zarr.open_group(corpus / "records.zarr", mode="r+", use_consolidated=False)
    del group["cyclic_spectrum_frequency_offset"]
    attributes = group["cyclic_spectrum"].attrs
    attributes["comment"] = attributes["comment"].partition("; a value is")[0]
    middles = (2 * np.arange(16) + 0.5 - 16) * 1.92e6 / 32
    # Half a step less than a quarter, since cells fill a channel step by step.
    step = 1.92e6 / 256
    np.testing.assert_allclose(group["cyclic_spectrum_frequency"][:] - middles, 1.92e6 / 64 - step / 4)
    group["cyclic_spectrum_frequency"][:] = middles
    zarr.consolidate_metadata(corpus / "records.zarr")


def test_cyclic_spectra_of_earlier_code_are_sound(cyclic: Corpus, tmp_path: Path) -> None:
    assert problems(cyclic.path) == []
    copy = shutil.copytree(cyclic.path, tmp_path / "copy")
    _as_earlier_code_stored_it(copy)
    assert problems(copy) == []
    # Its values are the same and are held to: but neither coherence nor the folded conjugate plane were.
    _change(copy, "cyclic_spectrum", lambda v: np.add(v, 1, out=v))
    assert problems(copy) == ["cyclic_spectrum: not what the I/Q of the records 0 to 7 gives"]
    own = {"method": "ssca", "channels": 16, "output": {"kind": "full"}}
    zarr.open_group(copy / "records.zarr", mode="r+")["cyclic_spectrum"].attrs["units"] = "dB"
    zarr.consolidate_metadata(copy / "records.zarr")
    assert problems(copy, cyclic_spectrum={**own, "coherence": True}) == []
    zarr.open_group(copy / "records.zarr", mode="r+")["cyclic_spectrum"].attrs["units"] = "dBm/Hz"
    zarr.consolidate_metadata(copy / "records.zarr")
    _change(copy, "cyclic_spectrum_frequency", lambda v: np.add(v, 1e4, out=v))
    assert problems(copy)[0].startswith("records.zarr: cyclic_spectrum_frequency is not what")


def test_todays_cyclic_spectra_need_their_offsets(cyclic: Corpus, tmp_path: Path) -> None:
    copy = shutil.copytree(cyclic.path, tmp_path / "copy")
    _change(copy, "cyclic_spectrum_frequency_offset", lambda v: np.negative(v, out=v))
    assert problems(copy)[0].startswith("records.zarr: cyclic_spectrum_frequency_offset is not what")
    group = zarr.open_group(copy / "records.zarr", mode="r+", use_consolidated=False)
    del group["cyclic_spectrum_frequency_offset"]
    zarr.consolidate_metadata(copy / "records.zarr")
    assert problems(copy) == ["records.zarr: cyclic_spectrum_frequency_offset is missing"]
