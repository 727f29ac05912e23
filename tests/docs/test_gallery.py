"""Every script of the gallery ends in a picture, and what it draws is so."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import matplotlib.image
import numpy as np
import pytest
from page_blocks import no_picture

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
SCRIPTS = sorted(GALLERY.glob("[0-9]*.py"))
HOLDS = {
    "01_helsinki": lambda drawn: drawn["paths"] == 6,  # two rays from each of three sites
    "02_london": lambda drawn: (
        10 < drawn["mean_uncertainty_m"] < 5000
    ),  # crowd-sourced: neither known nor lost
    "03_new_york": lambda drawn: all(
        abs(loss) < 7 for loss in drawn.values()
    ),  # two rays: 6 dB at most above
    "04_monaco": lambda drawn: abs(sum(drawn.values()) - 1) < 1e-9,
    "05_flight": lambda drawn: 0.5 < drawn["largest_doppler"] <= 1.0,
    "06_maritime": lambda drawn: abs(drawn["slope_db"] + 40) < 2,  # the last of the ripples is 2 dB
    "07_near_far": lambda drawn: drawn["at_-20"] > drawn["at_-40"] + 3,
    "08_snr_modes": lambda drawn: drawn["per_receiver"] < 1 < drawn["common_floor"],  # 60 captures: 0.5 dB
    "09_cyclic_lte": lambda drawn: drawn["largest_error"] < 0.002,  # 10⁶ products: 0.001 of the power each
    "10_detector_curves": lambda drawn: drawn["largest_distance"] < 0.015,  # 20,000 trials: four sigma
}


def _script(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"gallery_{path.stem}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_ends_in_a_picture(
    path: Path, shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iqatlas.plotting.overview.draw_overview", no_picture)
    script = _script(path)
    picture = tmp_path / "picture.png"
    drawn = script.draw(picture, *(shared_data / name for name in script.MAPS), quick=True)
    pixels = matplotlib.image.imread(picture)
    assert min(pixels.shape[:2]) >= 400
    assert np.ptp(pixels[..., :3]) > 0.5  # something is on it
    assert HOLDS[path.stem](drawn), drawn


def test_there_are_ten_and_their_pictures_lie_beside_them() -> None:
    names = [path.stem for path in SCRIPTS]
    assert len(names) == 10
    assert sorted(path.stem for path in (GALLERY / "images").glob("*.png")) == names
