"""I/Q from paths that are stored already: in a corpus, or by ``iqatlas trace``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

from iqatlas.catalogs.path_store import paths_dataset, paths_from_dataset, read_stored_paths
from iqatlas.errors import CorpusError, MissingFileError
from iqatlas.generators.execute import generate
from iqatlas.generators.spec import CorpusSpec
from iqatlas.raytracing.paths import ARRAYS, PathSet

TREE: dict[str, Any] = {
    "name": "first",
    "capture": {"slots": 60, "samples": 64, "snr_db": 20},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "occupancy": {"p01": 0.3, "p10": 0.6},
    "features": {"spectrogram": None},
    "receivers": {"kind": "hover", "count": 2},
    "raytracing": {"kind": "sionna", "max_reflections": 1, "diffraction": False, "rays_per_site": 5000},
}
SHAPE = (1, 2, 3)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a corpus that was traced by the ray tracer."""
    folder = tmp_path_factory.mktemp("stored") / "first"
    generate(CorpusSpec.from_tree(TREE), folder)
    return folder


def manifest(folder: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return loaded


_REMAKE = """
import sys
from pathlib import Path
from iqatlas.generators.execute import generate
from iqatlas.generators.spec import CorpusSpec
generate(CorpusSpec.from_yaml(sys.argv[1]), Path(sys.argv[2]))
print("sionna" in sys.modules, "drjit" in sys.modules, "mitsuba" in sys.modules)
"""


def test_records_are_remade_bit_by_bit_without_the_ray_tracer(corpus: Path, tmp_path: Path) -> None:
    spec = tmp_path / "again.yaml"
    # Relative to the spec's folder.
    shutil.copytree(corpus, tmp_path / "published")
    spec.write_text(yaml.safe_dump({**TREE, "raytracing": {"kind": "stored", "path": "published"}}))
    done = subprocess.run(
        [sys.executable, "-c", _REMAKE, str(spec), str(tmp_path / "second")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["False"] * 3
    first, second = manifest(corpus), manifest(tmp_path / "second")
    assert [s["sha256"] for s in first["shards"]] == [s["sha256"] for s in second["shards"]]
    # The paths still say who traced them.
    assert second["paths"]["kind"] == "sionna" and second["paths"]["sionna-rt"][0].isdigit()


def test_paths_come_back_from_a_dataset_as_they_were(corpus: Path) -> None:
    paths = read_stored_paths(corpus, shape=SHAPE, frequency_hz=carrier(corpus), where="raytracing.path")
    assert paths.valid.sum() > 6
    dataset = paths_dataset(paths, sites=("a", "b", "c"), receivers=("u0", "u1"))
    again = paths_from_dataset(dataset)
    for name in ARRAYS:
        np.testing.assert_array_equal(getattr(again, name), getattr(paths, name))
        assert getattr(again, name).dtype == getattr(paths, name).dtype
    assert again.model == paths.model and again.frequency_hz == paths.frequency_hz
    for name in ("gain", "delay", "doppler", "arrival_azimuth"):
        assert dataset[name].attrs["units"] and dataset[name].attrs["long_name"]


def carrier(corpus: Path) -> float:
    return float(
        xr.open_zarr(corpus / "records.zarr", group="paths", consolidated=False).attrs["carrier_frequency_hz"]
    )


def read(folder: Path, *, shape: tuple[int, int, int] = SHAPE, frequency_hz: float | None = None) -> PathSet:
    return read_stored_paths(
        folder, shape=shape, frequency_hz=frequency_hz or 1.842e9, where="raytracing.path"
    )


def one_line(failure: pytest.ExceptionInfo[Any]) -> str:
    text = str(failure.value)
    assert "\n" not in text and text.startswith("raytracing.path: ")
    return text


def test_a_scene_of_another_size_is_one_line(corpus: Path) -> None:
    with pytest.raises(CorpusError) as failure:
        read(corpus, shape=(1, 5, 3), frequency_hz=carrier(corpus))
    assert "those of 1 x 2 x 3 waypoints x receivers x sites; accepted: 1 x 5 x 3" in one_line(failure)


def test_another_carrier_is_one_line(corpus: Path) -> None:
    with pytest.raises(CorpusError) as failure:
        read(corpus, frequency_hz=751e6)
    assert f"carrier at {carrier(corpus) / 1e6:g} MHz; accepted: 751 MHz" in one_line(failure)


def test_a_folder_without_paths_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="no such folder"):
        read(tmp_path / "nowhere")
    with pytest.raises(CorpusError) as failure:
        read(tmp_path)
    assert "accepted: a corpus, or what iqatlas trace wrote" in one_line(failure)
    file = tmp_path / "file.yaml"
    file.write_text("name: x")
    with pytest.raises(MissingFileError, match="no such folder"):
        read(file)


def copied(corpus: Path, tmp_path: Path) -> Path:
    """Return a folder with a copy of the corpus's paths, to be spoilt."""
    shutil.copytree(corpus / "records.zarr" / "paths", tmp_path / "old" / "paths.zarr" / "paths")
    shutil.copy(corpus / "records.zarr" / "zarr.json", tmp_path / "old" / "paths.zarr" / "zarr.json")
    return tmp_path / "old"


def test_paths_of_their_own_store_are_read_too(corpus: Path, tmp_path: Path) -> None:
    own = read(copied(corpus, tmp_path), frequency_hz=carrier(corpus))
    stored = read(corpus, frequency_hz=carrier(corpus))
    assert own.valid.any()
    assert all(
        np.array_equal(array, stored.arrays()[name], equal_nan=array.dtype.kind in "fc")
        for name, array in own.arrays().items()
    )


def test_an_older_store_that_lacks_an_array_is_one_line(corpus: Path, tmp_path: Path) -> None:
    folder = copied(corpus, tmp_path)
    shutil.rmtree(folder / "paths.zarr" / "paths" / "doppler")
    with pytest.raises(CorpusError) as failure:
        read(folder, frequency_hz=carrier(corpus))
    assert "lack doppler" in one_line(failure)


def attributes(folder: Path, **changes: Any) -> None:
    file = folder / "paths.zarr" / "paths" / "zarr.json"
    tree = json.loads(file.read_text())
    for name, value in changes.items():
        if value is None:
            del tree["attributes"][name]
        else:
            tree["attributes"][name] = value
    file.write_text(json.dumps(tree))


@pytest.mark.parametrize(
    "change",
    [{"model": None}, {"carrier_frequency_hz": None}, {"model": "no JSON"}, {"carrier_frequency_hz": "x"}],
    ids=str,
)
def test_attributes_that_are_missing_or_garbled_are_one_line(
    corpus: Path, tmp_path: Path, change: dict[str, Any]
) -> None:
    folder = copied(corpus, tmp_path)
    attributes(folder, **change)
    with pytest.raises(CorpusError) as failure:
        read(folder, frequency_hz=carrier(corpus))
    assert "don't tell their carrier and model" in one_line(failure)


def test_axes_of_another_length_are_one_line(corpus: Path, tmp_path: Path) -> None:
    """Arrays that belong to different numbers of paths can't be one store's."""
    folder = copied(corpus, tmp_path)
    store = folder / "paths.zarr"
    dataset = xr.open_zarr(store, group="paths", consolidated=False).load()
    cut = dataset.assign(delay=(("waypoint", "receiver", "site", "tap"), dataset["delay"].values[..., :1]))
    shutil.rmtree(store)
    cut.to_zarr(store, group="paths", zarr_format=3, consolidated=False)
    with pytest.raises(CorpusError) as failure:
        read(folder, frequency_hz=float(dataset.attrs["carrier_frequency_hz"]))
    assert "delay" in one_line(failure)


@pytest.mark.parametrize("content", [b"", b"garbage", b"{}"])
def test_garbage_in_place_of_metadata_is_one_line(corpus: Path, tmp_path: Path, content: bytes) -> None:
    folder = copied(corpus, tmp_path)
    (folder / "paths.zarr" / "paths" / "zarr.json").write_bytes(content)
    with pytest.raises(CorpusError) as failure:
        read(folder, frequency_hz=carrier(corpus))
    one_line(failure)


def test_a_chunk_that_is_garbage_is_one_line(corpus: Path, tmp_path: Path) -> None:
    folder = copied(corpus, tmp_path)
    chunk = next(
        file for file in (folder / "paths.zarr" / "paths" / "gain" / "c").rglob("*") if file.is_file()
    )
    chunk.write_bytes(b"garbage")
    with pytest.raises(CorpusError) as failure:
        read(folder, frequency_hz=carrier(corpus))
    assert "can't be read" in one_line(failure)
