"""Corpora of UAVs with antenna arrays: a receiver is an antenna, and everything else goes on as before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus, open_corpus
from iqatlas.catalogs.path_store import paths_from_dataset
from iqatlas.errors import CorpusError
from iqatlas.generators.execute import generate
from iqatlas.generators.plan import plan
from iqatlas.generators.spec import CorpusSpec

ARRAY = {"rows": 2, "columns": 2}
TREE: dict[str, Any] = {
    "name": "arrays",
    "capture": {"slots": 60, "samples": 64, "snr_db": 40},
    "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
    "occupancy": {"p01": 0.3, "p10": 0.6},
    "raytracing": {"kind": "two_ray"},
    "features": {"spectrogram": None},
    "receivers": {"kind": "hover", "count": 2, "array": ARRAY},
}
FLIGHT = {"kind": "trajectory", "pattern": "circle", "speed_mps": 20, "interval_s": 0.01, "count": 2}


def made(folder: Path, **changes: Any) -> Corpus:
    return generate(CorpusSpec.from_tree({**TREE, **changes}), folder)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return made(tmp_path_factory.mktemp("arrays") / "arrays")


def test_a_receiver_is_an_antenna_and_knows_its_uav(corpus: Corpus) -> None:
    data = corpus.dataset
    assert plan(CorpusSpec.from_tree(TREE)).receivers == data.sizes["receiver"] == 8
    assert data["receiver"].values.tolist() == [f"uav{u}/{e}" for u in range(2) for e in range(4)]
    assert data["uav"].values.tolist() == ["uav0"] * 4 + ["uav1"] * 4
    element = data["element_position"]
    assert element.attrs["units"] == "m" and element.dims == ("receiver", "xyz")
    # Half a wavelength of the carrier apart, flat under the UAV.
    wavelength = 299_792_458 / data.attrs["carrier_frequency_hz"]
    np.testing.assert_allclose(np.abs(element.values), np.array([[1, 1, 0]] * 8) * wavelength / 4, atol=1e-12)
    np.testing.assert_array_equal(data["position"].values[:, ::4], data["position"].values[:, 3::4])
    table = corpus.table("receivers")
    assert table["uav"].tolist() == data["uav"].values.tolist()
    np.testing.assert_allclose(table["element_east_m"], element.values[:, 0])
    stored = corpus.paths
    assert stored["receiver"].values.tolist() == data["receiver"].values.tolist()
    assert corpus.manifest.paths["receiver_array"].startswith("planar 2 x 2, 0.5 wavelengths apart")
    card = (corpus.path / "README.md").read_text(encoding="utf-8")
    assert "I/Q of 2 UAVs" in card and "| antennas of a UAV | 4: planar 2 x 2" in card


def test_it_verifies_and_loads_by_antenna(corpus: Corpus) -> None:
    assert corpus.verify().problems == ()
    torch = pytest.importorskip("torch")
    data = corpus.dataset
    one = data["iq"].sel(receiver=data["uav"] == "uav1")
    assert one["receiver"].values.tolist() == [f"uav1/{e}" for e in range(4)]
    item = corpus.torch(split="train", variables=["iq", "label"], receivers=["uav1/0", "uav1/3"])[0]
    assert item["iq"].shape == (2, 64) and item["iq"].dtype == torch.complex64


def test_antennas_of_a_uav_hear_the_same_in_their_own_phase_and_noise(corpus: Corpus) -> None:
    """From one site, as loud and turned by the array's phase; noise of their own."""
    paths, data = paths_from_dataset(corpus.paths), corpus.dataset
    strongest = int(np.argmax(paths.link_power()[0, 0]))
    occupancy = data["occupancy"].values.any(axis=2)
    alone = occupancy[:, strongest] & (occupancy.sum(axis=1) == 1)
    iq = data["iq"].values[:, :4]
    noise_mw = 10 ** (data["noise_power"].values[0, 0] / 10)
    gain = paths.gain[0, :4, strongest].sum(axis=-1)
    # At 1.4 MHz delays of the two rays differ by little: the link's gain is all but one number.
    told = 0
    for record in np.flatnonzero(alone):
        product = np.vdot(iq[record, 0], iq[record, 3]) / 64
        power = np.mean(np.abs(iq[record, 0]) ** 2)
        if power < 50 * noise_mw:
            continue
        # Noise 17 dB below in both, over 64 samples: 0.02 rad, five times.
        assert np.angle(product * gain[0] / gain[3]) == pytest.approx(0, abs=0.1)
        told += 1
    assert told > 3
    rest = iq[:, 3] - iq[:, 0] * gain[3] / gain[0]
    assert np.all(np.mean(np.abs(rest[alone]) ** 2, axis=-1) > 0.5 * noise_mw)


def test_one_antenna_gives_the_samples_of_no_array(tmp_path: Path) -> None:
    receivers = {"kind": "hover", "count": 2}
    plain = made(tmp_path / "plain", receivers=receivers).dataset
    one = made(tmp_path / "one", receivers={**receivers, "array": {"rows": 1, "columns": 1}}).dataset
    for name in ("iq", "snr", "signal_power", "noise_power", "position", "label"):
        np.testing.assert_array_equal(plain[name].values, one[name].values)
    assert "uav" not in plain.coords and "element_position" not in plain.coords
    assert one["receiver"].values.tolist() == ["uav0/0", "uav1/0"]


def shards(corpus: Corpus) -> list[str]:
    return [shard.sha256 for shard in corpus.manifest.shards]


def test_stored_paths_of_elements_and_of_uavs_give_the_same_records(corpus: Corpus, tmp_path: Path) -> None:
    again = made(tmp_path / "again", raytracing={"kind": "stored", "path": str(corpus.path)})
    assert shards(again) == shards(corpus)
    plain = made(tmp_path / "plain", receivers={"kind": "hover", "count": 2})
    expanded = made(tmp_path / "expanded", raytracing={"kind": "stored", "path": str(plain.path)})
    assert shards(expanded) == shards(corpus)


@pytest.mark.parametrize(
    ("receivers", "accepted"),
    [
        ({"kind": "hover", "count": 2}, "accepted: one antenna a UAV"),
        ({"kind": "hover", "count": 8}, "accepted: one antenna a UAV"),
        ({"kind": "hover", "count": 2, "array": {"rows": 4, "columns": 1}}, "accepted: planar 4 x 1"),
    ],
)
def test_stored_paths_of_another_array_are_one_line(
    corpus: Corpus, tmp_path: Path, receivers: dict[str, Any], accepted: str
) -> None:
    with pytest.raises(CorpusError) as failure:
        made(tmp_path / "x", receivers=receivers, raytracing={"kind": "stored", "path": str(corpus.path)})
    line = str(failure.value)
    assert (
        line.startswith("raytracing.path: the stored paths are those of antenna arrays") and accepted in line
    )
    assert "\n" not in line


def test_arrays_fly_and_the_manifest_counts_paths_once_a_uav(tmp_path: Path) -> None:
    single = made(tmp_path / "single", receivers=FLIGHT)
    arrays = made(tmp_path / "arrays", receivers={**FLIGHT, "array": ARRAY})
    counts = single.manifest.paths["between_waypoints"]
    # Two rays of 2 UAVs and 3 sites over five steps, all of which go on.
    assert counts == {"matched": 60, "ended": 0, "begun": 0, "matched_power_share": 1.0}
    assert arrays.manifest.paths["between_waypoints"] == counts
    for corpus in (single, arrays):
        card = (corpus.path / "README.md").read_text(encoding="utf-8")
        assert (
            "| flight | 60 paths go on between waypoints with 100.0% of the power; 0 fade out and 0 in |"
            in card
        )
        assert json.loads((corpus.path / "manifest.json").read_text())["paths"]["between_waypoints"] == counts
    assert arrays.verify().problems == ()
    iq = arrays.dataset["iq"].values
    assert iq.shape[1] == 8 and not np.allclose(iq[:, 0], iq[:, 3])


def test_hovering_corpora_tell_of_no_flight(corpus: Corpus) -> None:
    assert "between_waypoints" not in corpus.manifest.paths
    assert "| flight |" not in (corpus.path / "README.md").read_text(encoding="utf-8")
    assert open_corpus(corpus.path).manifest == corpus.manifest
