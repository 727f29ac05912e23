"""Low bands: ITU's materials end at 1 GHz, tracing does not."""

from __future__ import annotations

import numpy as np
import pytest
from raytracing_scenes import block_scene

from iqatlas.errors import SceneError
from iqatlas.raytracing.gates import check_paths
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.raytracing.trace import trace

SPEC = SionnaRaytracing(max_reflections=2, rays_per_site=20_000)


def test_band_12_traces_and_says_what_was_extrapolated() -> None:
    scene = block_scene()
    done = trace(scene, SPEC, frequency_hz=751e6, seed=3)
    assert done.paths.model["extrapolated_materials"] == "concrete, medium_dry_ground"
    assert done.report.line_of_sight_links == 5 and np.any(done.paths.interaction == 1)
    check_paths(done.paths, scene.sites, scene.receivers)
    within = trace(scene, SPEC, frequency_hz=1.8e9, seed=3)
    assert within.paths.model["extrapolated_materials"] == "none"
    # The line of sight is stronger by the frequencies' ratio.
    ratio = np.abs(done.paths.gain[0, 1, 0, 0]) / np.abs(within.paths.gain[0, 1, 0, 0])
    assert ratio == pytest.approx(1800 / 751, rel=1e-5)


@pytest.mark.parametrize("frequency_hz", [0.0, float("nan")])
def test_a_frequency_without_any_material_model_is_one_line(frequency_hz: float) -> None:
    with pytest.raises(SceneError, match="accepted: a positive number of Hz"):
        trace(block_scene(), SPEC, frequency_hz=frequency_hz, seed=3)
