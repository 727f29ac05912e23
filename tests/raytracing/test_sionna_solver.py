"""What the solver must keep to, whatever the scene: the same paths again, all of them, each once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from raytracing_scenes import FREQUENCY_HZ, boxes, digest, ground, make_receivers, make_sites

from iqatlas.errors import RaytracingError, SetupError
from iqatlas.raytracing import _sionna, _sionna_scene
from iqatlas.raytracing._sionna_scene import HASH_TABLE_SIZE
from iqatlas.raytracing.gates import check_paths
from iqatlas.raytracing.paths import PathSet
from iqatlas.raytracing.spec import SionnaRaytracing
from iqatlas.scenes.scene import Receivers

SPEC = SionnaRaytracing(max_reflections=3, diffraction=True, rays_per_site=100_000)
SITES = make_sites([-60, -50, 22], [55, -70, 30])
PLACES_M = np.array([[70.0, 40, 35], [20, 0, 8], [-5, 60, 50], [300, 10, 80]])


def trace(receivers: Receivers, *, seed: int = 5, spec: SionnaRaytracing = SPEC) -> PathSet:
    meshes = [boxes(grid=3), ground(500)]
    return _sionna.trace_meshes(meshes, SITES, receivers, spec, frequency_hz=FREQUENCY_HZ, seed=seed)


@pytest.fixture(scope="module")
def traced() -> PathSet:
    return trace(make_receivers(PLACES_M))


def links(paths: PathSet, name: str, receiver: int) -> list[np.ndarray]:
    """Return one array of the valid paths of each site's link to a receiver."""
    return [
        getattr(paths, name)[0, receiver, site][paths.valid[0, receiver, site]] for site in range(len(SITES))
    ]


def test_paths_are_sorted_and_padded_with_zeros(traced: PathSet) -> None:
    count = traced.valid.sum(axis=-1)
    assert count.min() < count.max()  # so there is padding
    assert np.array_equal(traced.valid, np.arange(traced.valid.shape[-1]) < count[..., None])
    assert np.all((np.diff(traced.delay_s, axis=-1) >= 0) | ~traced.valid[..., 1:])
    for name in (
        "gain",
        "delay_s",
        "doppler_hz",
        "arrival_azimuth_deg",
        "departure_zenith_deg",
        "interaction",
    ):
        assert not np.any(getattr(traced, name)[~traced.valid])
    # There is a vertex just where there is an interaction, and no interaction after the last one.
    assert np.array_equal(np.isfinite(traced.vertex_m).all(axis=-1), traced.interaction > 0)
    assert np.all((traced.interaction[..., 1:] == 0) | (traced.interaction[..., :-1] > 0))
    assert set(np.unique(traced.interaction)) == {0, 1, 4}


def test_paths_pass_the_gates_and_none_is_there_twice(traced: PathSet) -> None:
    report = check_paths(traced, SITES, make_receivers(PLACES_M))
    assert report.paths == traced.valid.sum() > 40
    assert report.line_of_sight_error < 1e-5


def test_lengths_agree_with_the_solvers_own_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    own = []
    link = _sionna._link

    def watched(paths: Any, *arguments: Any) -> dict[str, np.ndarray]:
        own.append(np.sort(_sionna._numpy(paths.tau, np.float64)[_sionna._numpy(paths.valid, bool)]))
        return link(paths, *arguments)

    monkeypatch.setattr(_sionna, "_link", watched)
    paths = trace(make_receivers(PLACES_M[:2]))
    # Sionna's float32: 1e-7 of the delay, and positions to 3e-5 m.
    np.testing.assert_allclose(paths.delay_s[paths.valid], np.concatenate(own), rtol=1e-6)


def test_the_same_call_gives_the_same_bits(traced: PathSet) -> None:
    assert digest(trace(make_receivers(PLACES_M))) == digest(traced)


@pytest.mark.slow
def test_another_process_gives_the_same_bits(traced: PathSet) -> None:
    code = (
        "import test_sionna_solver as t, raytracing_scenes as r;"
        "print(r.digest(t.trace(r.make_receivers(t.PLACES_M))))"
    )
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=here, capture_output=True, text=True, check=True, timeout=300
    )
    assert done.stdout.split()[-1] == digest(traced)


def test_a_link_is_the_same_alone_and_in_company(traced: PathSet) -> None:
    alone = trace(make_receivers(PLACES_M[2:3]))
    for name in ("gain", "delay_s", "arrival_azimuth_deg", "departure_zenith_deg", "doppler_hz"):
        for here, there in zip(links(alone, name, 0), links(traced, name, 2), strict=True):
            assert np.array_equal(here, there)


def test_a_tracer_forgets_the_links_before(traced: PathSet) -> None:
    tracer = _sionna.LinkTracer([boxes(grid=3), ground(500)], SPEC, frequency_hz=FREQUENCY_HZ)
    tracer.trace(SITES[::-1], make_receivers(PLACES_M[1:3]), seed=8)
    assert digest(tracer.trace(SITES, make_receivers(PLACES_M), seed=5)) == digest(traced)


def test_numbers_that_programs_read_give_the_bits_of_those_written_into_them(
    traced: PathSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What saves the compiler's time takes nothing from the paths."""
    monkeypatch.setattr(_sionna_scene, "_variable", float)
    assert digest(trace(make_receivers(PLACES_M))) == digest(traced)


@pytest.mark.slow
def test_a_link_alone_is_itself_in_a_batch_of_fifty() -> None:
    """Bit by bit, wherever it stands among the others."""
    rng = np.random.default_rng(8)
    many = np.column_stack([rng.uniform(-150, 150, (50, 2)), rng.uniform(30, 120, 50)])
    many[[0, 23, 49]] = PLACES_M[:3]
    few = SPEC.model_copy(update={"rays_per_site": 5_000, "max_reflections": 2})
    arguments = {"frequency_hz": FREQUENCY_HZ, "seed": 5}
    meshes = [boxes(grid=3), ground(500)]
    together = _sionna.trace_meshes(meshes, SITES[:1], make_receivers(many), few, **arguments)
    assert together.gain.shape[1] == 50
    for index in (0, 23, 49):
        one = make_receivers(many[index : index + 1])
        alone = _sionna.trace_meshes(meshes, SITES[:1], one, few, **arguments)
        there = together.valid[0, index, 0]
        assert there.sum() == alone.valid.sum() > 0
        for name in ("gain", "delay_s", "arrival_azimuth_deg", "departure_zenith_deg", "doppler_hz"):
            assert np.array_equal(getattr(alone, name)[0, 0, 0], getattr(together, name)[0, index, 0][there])


def test_waypoints_are_traced_like_receivers(traced: PathSet) -> None:
    paths = trace(make_receivers(PLACES_M.reshape(2, 2, 3)))
    assert paths.gain.shape[:3] == (2, 2, 2)
    assert np.array_equal(paths.gain.reshape(traced.gain.shape), traced.gain)


def test_seed_and_rays_and_edges_and_depth_count(traced: PathSet) -> None:
    """No setting is without effect. The seed decides which weak edges are hit."""
    receivers = make_receivers(PLACES_M[:1])
    few = SPEC.model_copy(update={"rays_per_site": 2000})
    bits = {
        digest(trace(receivers, spec=few)),
        digest(trace(receivers, spec=few, seed=6)),
        digest(trace(receivers)),
        digest(trace(receivers, spec=SPEC.model_copy(update={"diffraction": False}))),
        digest(trace(receivers, spec=SPEC.model_copy(update={"max_reflections": 1}))),
    }
    assert len(bits) == 5


def test_room_that_is_too_small_is_made_larger(traced: PathSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sionna, "FIRST_PATH_CAP", 1)
    paths = trace(make_receivers(PLACES_M))
    assert digest(paths) == digest(traced)
    assert 1 < int(paths.model["path_cap"]) < 1_000_000  # it was raised, and no further than needed


def test_no_path_is_missing_that_a_bare_solver_with_a_large_room_finds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ours beginning with room for one candidate, against Sionna's own call with room for four million."""
    monkeypatch.setattr(_sionna, "FIRST_PATH_CAP", 1)
    spec = SPEC.model_copy(update={"diffraction": False})
    ours = trace(make_receivers(PLACES_M), spec=spec)
    rt = _sionna.sionna_rt()
    scene = _sionna.sionna_scene([boxes(grid=3), ground(500)], spec, frequency_hz=FREQUENCY_HZ)
    for index, site in enumerate(SITES):
        scene.add(rt.Transmitter(f"t{index}", position=list(site.position_m)))
    for index, place in enumerate(PLACES_M.tolist()):
        scene.add(rt.Receiver(f"r{index}", position=place))
    peer = rt.PathSolver()(
        scene,
        max_depth=spec.max_reflections,
        max_num_paths_per_src=1 << 22,
        samples_per_src=spec.rays_per_site,
        refraction=False,
        diffraction=False,
    )
    count = peer.valid.numpy().sum(axis=-1)
    assert count.sum() > 10 and np.all(ours.valid[0].sum(axis=-1) >= count)


def test_more_candidates_than_there_may_be_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sionna, "FIRST_PATH_CAP", 1)
    monkeypatch.setattr(_sionna, "LARGEST_PATH_CAP", 16)
    with pytest.raises(RaytracingError, match=r"16 or more candidate paths.*lower raytracing\.rays_per_site"):
        trace(make_receivers(PLACES_M[:1]))


def test_candidates_don_t_displace_each_other(traced: PathSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sionna keeps one candidate for each place of a hash table: a small table loses paths in silence."""
    from sionna.rt.path_solvers.sb_candidate_generator import SBCandidateGenerator

    assert SBCandidateGenerator.MIN_SPEC_COUNT_SIZE == HASH_TABLE_SIZE > _sionna.LARGEST_PATH_CAP
    receivers = make_receivers(PLACES_M[:1])
    monkeypatch.setattr(SBCandidateGenerator, "MIN_SPEC_COUNT_SIZE", 2 * HASH_TABLE_SIZE)
    assert np.array_equal(links(trace(receivers), "gain", 0)[0], links(traced, "gain", 0)[0])
    monkeypatch.setattr(SBCandidateGenerator, "MIN_SPEC_COUNT_SIZE", 256)
    monkeypatch.setattr(_sionna, "FIRST_PATH_CAP", 1024)
    assert trace(receivers).valid.sum() < traced.valid[:, :1].sum()


def test_a_place_without_any_path_is_padding_only() -> None:
    inside = make_receivers([[40.0, 40.0, 5.0], [300.0, 10.0, 80.0]])  # the first is in a closed building
    paths = trace(inside)
    assert paths.valid.sum(axis=-1)[0, 0].tolist() == [0, 0]
    assert check_paths(paths, SITES, inside).blind_links == 2


def test_no_path_at_all_is_a_value_too() -> None:
    paths = trace(make_receivers([[40.0, 40.0, 5.0]]))
    assert paths.gain.shape == (1, 1, 2, 0)
    assert paths.max_delay_s == 0.0
    assert check_paths(paths, SITES, make_receivers([[40.0, 40.0, 5.0]])).largest_gain_db == -np.inf


def test_plain_sionna_finds_the_same(traced: PathSet) -> None:
    """The same meshes by Sionna's own calls: the same powers and delays, path by path.

    Without diffraction, since the public solver draws its edges anew in every call.
    """
    import mitsuba as mi
    from sionna import rt

    from iqatlas.scenes.materials import material_at

    spec = SPEC.model_copy(update={"diffraction": False})
    scene = rt.load_scene()
    scene.frequency = FREQUENCY_HZ
    objects = []
    for mesh in (boxes(grid=3), ground(500)):
        at = material_at(mesh.material, FREQUENCY_HZ)
        body = mi.Mesh(f"body-{mesh.material}", vertex_count=len(mesh.vertex_m), face_count=len(mesh.face))
        parameters = mi.traverse(body)
        parameters["vertex_positions"] = mesh.vertex_m.ravel()
        parameters["faces"] = mesh.face.astype(np.uint32).ravel()
        parameters.update()
        material = rt.RadioMaterial(
            f"peer-{at.name}",
            thickness=at.thickness_m,
            relative_permittivity=at.relative_permittivity,
            conductivity=at.conductivity_s_per_m,
        )
        objects.append(rt.SceneObject(mi_mesh=body, name=f"body-{mesh.material}", radio_material=material))
    scene.edit(add=objects)
    scene.tx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    scene.rx_array = rt.PlanarArray(num_rows=1, num_cols=1, pattern="iso", polarization="V")
    for index, site in enumerate(SITES):
        scene.add(rt.Transmitter(f"t{index}", position=list(site.position_m)))
    for index, place in enumerate(PLACES_M.tolist()):
        scene.add(rt.Receiver(f"r{index}", position=place))
    peer = rt.PathSolver()(
        scene, max_depth=3, samples_per_src=SPEC.rays_per_site, refraction=False, diffraction=False
    )
    response, delay = peer.cir(normalize_delays=False, out_type="numpy")
    ours = trace(make_receivers(PLACES_M), spec=spec)
    assert ours.valid.sum() > 10
    for receiver in range(len(PLACES_M)):
        for site in range(len(SITES)):
            here = ours.valid[0, receiver, site]
            there = delay[receiver, site] >= 0
            order = np.argsort(delay[receiver, site][there])
            assert here.sum() == there.sum()
            np.testing.assert_allclose(
                ours.delay_s[0, receiver, site][here], delay[receiver, site][there][order], rtol=1e-6
            )
            gain = response[receiver, 0, site, 0, :, 0][there][order]
            np.testing.assert_allclose(np.abs(ours.gain[0, receiver, site][here]), np.abs(gain), rtol=1e-3)
            # Phases to what float32 leaves of a delay of 1 µs: 1e-7 of 2000 turns.
            turn = np.angle(ours.gain[0, receiver, site][here] / gain)
            assert np.all(np.abs(turn) < 0.02)


def test_without_sionna_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sionna.rt", None)
    with pytest.raises(SetupError, match=r"pip install 'sionna-rt>=2\.1'"):
        _sionna.sionna_rt.__wrapped__()


def test_a_sionna_that_hides_its_insides_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sealed:
        def __init__(self, deterministic: bool) -> None: ...

    class FakeRt:
        PathSolver = Sealed

    monkeypatch.setattr(_sionna, "sionna_rt", FakeRt)
    with pytest.raises(SetupError, match="hides whether it dropped paths"):
        _sionna._solve(None, SPEC, 1, 1000)


def test_a_sionna_without_a_setting_is_refused_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """As 1.1 was, which knew no diffraction at free edges: one line, and no TypeError from inside."""

    class Older:
        _candidate_generator = None

        def __init__(self, deterministic: bool) -> None: ...

        def __call__(
            self,
            scene: Any,
            max_depth: int,
            max_num_paths_per_src: int,
            samples_per_src: int,
            diffuse_reflection: bool,
            refraction: bool,
            seed: int,
        ) -> None:
            raise AssertionError("it was called")  # fmt: skip

    class FakeRt:
        PathSolver = Older

    monkeypatch.setattr(_sionna, "sionna_rt", FakeRt)
    with pytest.raises(SetupError) as failure:
        _sionna._solve(None, SPEC, 1, 1000)
    line = str(failure.value)
    assert "has no solver setting diffraction, edge_diffraction; accepted:" in line and "\n" not in line


def test_the_model_names_its_versions_and_settings(traced: PathSet) -> None:
    for name in ("sionna-rt", "mitsuba", "drjit"):
        assert str(traced.model[name])[0].isdigit()
    assert traced.model["variant"] == _sionna.variant()
    assert traced.model["rays_per_site"] == SPEC.rays_per_site
    assert traced.frequency_hz == FREQUENCY_HZ
