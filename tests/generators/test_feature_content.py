"""Features as content of corpora: planned, stored, verified, and worked out again to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from iqatlas import Corpus, CorpusSpec, generate, open_corpus, plan
from iqatlas.errors import SpecError
from iqatlas.features.cyclic_spec import CyclicSpectrumSpec
from iqatlas.features.fam import fam, fam_cells
from iqatlas.features.registry import FEATURES
from iqatlas.features.scaling import fit_scaling
from iqatlas.features.ssca import ssca, ssca_cells
from iqatlas.features.tabular import table

OPTIONS = {
    "spectrogram": {"nperseg": 32, "scale": "mw_per_hz"},
    "power_spectrum": {"nperseg": 64},
    "subchannel_energy": {},
    "cyclic_spectrum": {"method": "fam", "channels": 32, "output": {"kind": "plane", "grid": [32, 16]}},
    "cyclic_autocorrelation": {"lag_samples": [0, 128]},
    "wavelet": {"levels": 2},
    "tabular": {"nperseg": 64},
}
SPEC = {
    "name": "featured",
    "raytracing": {"kind": "free_space"},
    "receivers": {"count": 2},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "capture": {"slots": 80, "samples": 300, "snr_db": [0, 20]},
    "features": OPTIONS,
}


@pytest.fixture(scope="module")
def featured(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a corpus with every feature, in five shards of which the last is not full."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 14)
        return generate(CorpusSpec.from_tree(SPEC), tmp_path_factory.mktemp("corpora") / "featured")


def test_every_feature_is_stored_and_verified(featured: Corpus) -> None:
    assert set(OPTIONS) == set(FEATURES)
    assert len(featured.manifest.shards) > 2
    found = featured.verify()
    assert found.sound, found.problems
    for name in FEATURES:
        variable = featured.dataset[name]
        assert variable.attrs["units"] and variable.attrs["long_name"], name
        assert variable.sizes["record"] == 160
    assert featured.dataset["spectrogram"].attrs["units"] == "mW/Hz"
    assert featured.manifest.versions["engine of features.wavelet"].startswith("PyWavelets ")


@pytest.mark.parametrize("name", FEATURES)
def test_a_feature_worked_out_when_read_is_the_stored_one_to_the_bit(featured: Corpus, name: str) -> None:
    lazy = featured.features(name, **OPTIONS[name])
    stored = featured.dataset[name]
    assert lazy.chunks is not None  # nothing is worked out before it is asked for
    assert lazy.dims == stored.dims and lazy.dtype == stored.dtype and lazy.attrs == stored.attrs
    assert set(lazy.coords) == set(stored.coords)
    assert lazy.values.tobytes() == stored.values.tobytes()
    for key in stored.coords:
        np.testing.assert_array_equal(lazy.coords[key].values, stored.coords[key].values)
    test = lazy.sel(split="test")
    assert test.values.tobytes() == stored.sel(split="test").values.tobytes()


@pytest.mark.parametrize("method", ["fam", "ssca"])
@pytest.mark.parametrize("conjugate", [False, True])
def test_the_full_plane_has_the_exact_frequency_of_every_cell(
    featured: Corpus, method: str, conjugate: bool
) -> None:
    """What a reader has, f and its offset, gives the cells that the functions give, at their exact places."""
    options = {"method": method, "channels": 32, "conjugate": conjugate, "scale": "linear"}
    values = featured.features("cyclic_spectrum", **options, output={"kind": "full"})[0, 0].load()
    offset = values["cyclic_spectrum_frequency_offset"]
    assert offset.dims == ("cyclic_spectrum_alpha",)
    assert offset.attrs["units"] == "Hz" and "cyclic_spectrum_frequency" in offset.attrs["long_name"]
    assert "cyclic_spectrum_frequency + cyclic_spectrum_frequency_offset" in values.attrs["comment"]
    exact = (values["cyclic_spectrum_frequency"] + offset).transpose(*values.dims).values
    rate_hz, spec = 1.92e6, CyclicSpectrumSpec.model_validate(options)
    where, run = (fam_cells, fam) if method == "fam" else (ssca_cells, ssca)
    f, a = where(spec, 300, sample_rate_hz=rate_hz)
    cells = np.abs(run(featured.dataset["iq"][0, 0].values, spec, sample_rate_hz=rate_hz))
    inside = a >= 0 if not conjugate else np.abs(a) < 0.9 * rate_hz
    step = rate_hz / 256
    row = np.round((a[inside] - values["cyclic_spectrum_alpha"].values[0]) / step).astype(int)
    column = np.abs(exact[row] - f[inside][:, None]).argmin(axis=1)
    np.testing.assert_allclose(exact[row, column], f[inside], atol=1e-6)
    np.testing.assert_allclose(values.values[row, column], cells[inside], rtol=1e-5, atol=1e-15)


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (
            {"kind": "plane"},
            "a value is the largest magnitude of the cells that it covers, its coordinates are",
        ),
        ({"kind": "plane", "pool": "mean"}, "a value is the mean magnitude of the cells"),
        ({"kind": "profile"}, "of the cells that it covers, its alpha is the middle of these"),
    ],
)
def test_pooled_values_say_what_they_are_of(featured: Corpus, output: dict[str, str], words: str) -> None:
    lazy = featured.features("cyclic_spectrum", channels=32, output=output)
    assert words in lazy.attrs["comment"]
    assert "cyclic_spectrum_frequency_offset" not in lazy.coords


def test_other_options_replace_the_stored_axes(featured: Corpus) -> None:
    lazy = featured.features("spectrogram", nperseg=64)
    assert lazy.sizes["frequency"] == 64 and lazy.attrs["units"] == "dBm/Hz"
    assert len(np.unique(lazy["frequency"].values)) == 64
    with pytest.raises(
        SpecError, match="512 samples a segment don't fit into captures of 300; accepted: 8 to 300"
    ):
        featured.features("spectrogram", nperseg=512)
    with pytest.raises(SpecError, match="did you mean 'tabular'"):
        featured.features("tabula")


def test_the_plan_counts_the_bytes_of_every_feature(featured: Corpus) -> None:
    counted = plan(CorpusSpec.from_tree(SPEC)).bytes_by_variable
    for name in FEATURES:
        assert counted[name] == featured.dataset[name].nbytes, name


def test_the_iq_does_not_depend_on_the_features(featured: Corpus, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 14)
        patch.setattr(
            "iqatlas.generators.plan._LARGEST_SHARD_BYTES", 1
        )  # shards of one block, as for large ones
        plain = generate(
            CorpusSpec.from_tree({**SPEC, "features": {"spectrogram": None, "subchannel_energy": {}}}),
            tmp_path / "plain",
        )
    assert len(plain.manifest.shards) >= len(featured.manifest.shards)
    assert plain.dataset["iq"].values.tobytes() == featured.dataset["iq"].values.tobytes()


def test_a_feature_too_large_for_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iqatlas.generators.plan._LARGEST_FEATURE_BYTES", 1 << 20)
    said = (
        r"^features\.spectrogram: \d+ captures, which are made at once, take .* GiB; "
        r"accepted: at most \d+ bytes a capture, not \d+$"
    )
    with pytest.raises(SpecError, match=said):
        plan(CorpusSpec.from_tree({**SPEC, "features": {"spectrogram": {"nperseg": 64, "hop": 1}}}))


@pytest.mark.parametrize(
    ("cyclic", "key", "remedy", "fits"),
    [
        ({"channels": 2048, "output": {"kind": "full"}}, "output",
         "set channels to 1024 or fewer, or output.kind to plane", {"channels": 1024}),
        ({"channels": 2048, "conjugate": True, "method": "ssca", "output": {"kind": "full"}}, "output",
         "set channels to 512 or fewer, or output.kind to plane", {"channels": 512}),
        ({"channels": 2048, "hop": 1024, "output": {"kind": "full"}}, "output", "set output.kind to plane",
         {"output": {"kind": "plane"}}),
        ({"channels": 2048, "output": {"kind": "plane", "grid": [2048, 4096]}}, "output.grid",
         "ask for up to 5592405 values", {"output": {"kind": "plane", "grid": [1365, 4096]}}),
    ],
)  # fmt: skip
def test_a_cyclic_plane_too_large_for_memory_names_what_fits(
    cyclic: dict[str, Any], key: str, remedy: str, fits: dict[str, Any]
) -> None:
    tree = {
        **SPEC,
        "receivers": {"count": 3},
        "waveform": {"bandwidth_mhz": 10, "subchannels": 16},
        "capture": {"slots": 80, "samples": 4096},
    }
    said = rf"^features\.cyclic_spectrum\.{key}: 192 captures, .*; accepted: at most \d+ bytes .*; {remedy}$"
    with pytest.raises(SpecError, match=said):
        plan(CorpusSpec.from_tree({**tree, "features": {"cyclic_spectrum": cyclic}}))
    assert plan(
        CorpusSpec.from_tree({**tree, "features": {"cyclic_spectrum": {**cyclic, **fits}}})
    ).shard_count


def test_tables_and_scaling_come_from_a_stored_corpus(featured: Corpus) -> None:
    train = featured.dataset["tabular"].sel(split="train")
    assert list(table(train).columns[:2]) == ["power", "power_p10"]
    scaling = fit_scaling(featured.dataset["tabular"], method="robust", per=["statistic"])
    scaled = scaling.apply(train)
    # The median of the training split is what the centre is.
    np.testing.assert_allclose(np.median(scaled.values, axis=(0, 1)), 0, atol=1e-4)


def test_it_opens_again_with_xarray_alone(featured: Corpus) -> None:
    import xarray as xr

    opened = xr.open_zarr(featured.path / "records.zarr")
    lines = opened["cyclic_autocorrelation"].sel(cyclic_frequency=14e3)
    assert lines.dims == ("record", "receiver", "lag")
    assert open_corpus(featured.path).dataset.sizes["record"] == 160
