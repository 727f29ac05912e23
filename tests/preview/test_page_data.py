"""What stands in the page is what stands in the corpus."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus
from iqatlas.catalogs.path_store import paths_from_dataset
from iqatlas.detectors.validation import validate_energy
from iqatlas.preview import captures, city, distributions, radio_paths
from iqatlas.preview.city import read_city
from iqatlas.preview.city_map import MapFrame, city_map
from iqatlas.preview.packing import unpacked_levels


def _step(packed: dict[str, Any]) -> float:
    """Return half of what a byte tells apart, and the rounding of the ends."""
    return (packed["high"] - packed["low"]) / 254 / 2 + 2e-3


def test_waterfalls_and_records_are_those_of_the_samples(
    small_corpus: Corpus, page_data: dict[str, Any]
) -> None:
    shown, dataset = page_data["captures"], small_corpus.dataset
    assert [level["label"] for level in shown["levels"]] == ["0 dB", "20 dB"]
    options, cyclic = captures.view_options(256)
    density = small_corpus.features("spectrogram", **options, scale="mw_per_hz").load()
    few = sorted({picture["record"] for level in shown["levels"] for picture in level["pictures"]})
    lazy = small_corpus.features("cyclic_spectrum", **cyclic)
    plane = lazy.isel(record=few).load()
    assert shown["frequency_mhz"] == pytest.approx(density["frequency"].values / 1e6, abs=1e-5)
    assert shown["time_us"] == pytest.approx(density["frame_time"].values * 1e6, abs=1e-3)
    assert shown["alpha_khz"] == pytest.approx(plane["cyclic_spectrum_alpha"].values / 1e3, abs=1e-3)
    for level, asked in zip(shown["levels"], (0, 20), strict=True):
        assert np.all(dataset["snr_level"].values[level["record"]] == asked)
        assert level["slot"] == dataset["slot"].values[level["record"]].tolist()
        part = density.isel(record=level["record"])
        mean_db = 10 * np.log10(part.mean("frame").values)
        sent = np.frombuffer(base64.b64decode(level["sent"]["u8"]), np.uint8).reshape(level["sent"]["shape"])
        assert np.array_equal(sent, dataset["occupancy"].values[level["record"]].sum(axis=1))
        for receiver, packed in enumerate(level["waterfall"]):
            low, high = packed["low"], packed["high"]
            expected = np.clip(mean_db[:, receiver], low, high)
            assert np.abs(unpacked_levels(packed) - expected).max() <= _step(packed)
        for index, picture in zip(level["single"], level["pictures"], strict=True):
            record = level["record"][index]
            assert picture["record"] == record and picture["split"] == dataset["split"].values[record]
            assert picture["snr_db"] == pytest.approx(dataset["snr"].values[record], abs=0.006)
            for receiver in range(3):
                for name, values in (
                    ("spectrogram", 10 * np.log10(part.values[index, receiver])),
                    ("cyclic", plane.values[few.index(record), receiver]),
                ):
                    packed = picture[name][receiver]
                    expected, found = np.clip(values, packed["low"], packed["high"]), unpacked_levels(packed)
                    assert np.nanmax(np.abs(found - expected)) <= _step(packed)
                    # Nothing but what lies beyond the band has no number, and that is half of a plane.
                    assert np.isnan(found).mean() == pytest.approx(0.47 if name == "cyclic" else 0, abs=0.05)


@pytest.mark.parametrize("samples", [16, 32, 100, 1024, 1 << 14])
def test_the_view_suits_captures_of_any_length(samples: int) -> None:
    options, cyclic = captures.view_options(samples)
    frames = (samples - options["nperseg"]) // options["hop"] + 1
    assert 1 <= frames <= 2 * 64 and options["hop"] <= options["nperseg"] <= samples
    assert cyclic["channels"] <= samples


def test_paths_are_the_strongest_stored_ones(small_corpus: Corpus, page_data: dict[str, Any]) -> None:
    shown, stored = page_data["paths"], paths_from_dataset(small_corpus.paths.load())
    assert shown["sites"] == list(map(str, small_corpus.dataset["site"].values))
    assert shown["of"] == {"waypoints": 1, "receivers": 3, "sites": 3}
    for receiver in range(3):
        for site in range(3):
            link = shown["links"][0][receiver][site]
            valid = stored.valid[0, receiver, site]
            assert link["count"] == valid.sum() == len(link["delay_us"])
            delay = stored.delay_s[0, receiver, site][valid] * 1e6
            level = 20 * np.log10(np.abs(stored.gain[0, receiver, site][valid]))
            # As many decimals as are kept.
            assert link["delay_us"] == pytest.approx(delay, abs=6e-5)
            assert link["level_db"] == pytest.approx(level, abs=6e-3)
            assert link["kind"] == [0] * len(delay)


def test_of_many_paths_the_strongest_are_shown(small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    one = small_corpus.paths.load()
    many = one.isel(path=np.zeros(40, int), waypoint=np.zeros(30, int)).copy(deep=True)
    many["gain"].values[:] = rng.standard_normal(many["gain"].shape)
    many["delay"].values[:] = np.sort(rng.uniform(1e-6, 2e-6, many["delay"].shape))
    monkeypatch.setitem(small_corpus.__dict__, "paths", many)
    monkeypatch.setattr(radio_paths, "MOST_PATHS", 12 * 9 * 5)
    shown = radio_paths.read_paths(small_corpus, [0.0, 0.0, 0.0])
    assert shown is not None and shown["most"] == 5
    assert shown["waypoints"][0] == 0 and shown["waypoints"][-1] == 29 and len(shown["waypoints"]) == 12
    link, place = shown["links"][3][1][2], shown["waypoints"][3]
    level = 20 * np.log10(np.abs(many["gain"].values[place, 1, 2]))
    assert sorted(link["level_db"]) == pytest.approx(np.sort(level)[-5:], abs=6e-3)
    assert link["delay_us"] == sorted(link["delay_us"]) and link["count"] == 40


def test_histograms_count_every_capture(small_corpus: Corpus, page_data: dict[str, Any]) -> None:
    shown, dataset = page_data["distributions"], small_corpus.dataset
    assert shown["records"] == shown["of_records"] == 160
    snr = dataset["snr"].values
    for receiver in range(3):
        counts, _ = np.histogram(snr[:, receiver], np.array(shown["snr"]["edges"]))
        assert shown["snr"]["counts"][receiver] == counts.tolist()
        assert sum(counts) + shown["snr"]["silent"][receiver] == 160
    power = dataset["signal_power"].values
    silent = np.isneginf(power).sum(axis=0)
    assert shown["power"]["silent"] == silent.tolist() and silent.sum() > 0
    assert np.array_equal(np.sum(shown["power"]["counts"], axis=-1) + silent, np.full((3, 3), 160))
    # Shares are kept to four decimals.
    assert shown["occupied"] == pytest.approx(dataset["label"].values.mean(axis=0), abs=6e-5)
    by_site = np.array(shown["occupied_by_site"])
    assert by_site == pytest.approx(dataset["occupancy"].values.mean(axis=0), abs=6e-5)


def test_of_many_records_evenly_spread_runs_are_counted(
    small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(distributions, "MOST_RECORDS", 64)
    part = distributions.spread(small_corpus.dataset)
    assert part.sizes["record"] == 64
    whole = small_corpus.dataset["snr"].values
    assert np.array_equal(part["snr"].values[:2], whole[:2])
    assert np.array_equal(part["snr"].values[-2:], whole[-2:])


def test_detection_is_that_of_the_detector(small_corpus: Corpus, page_data: dict[str, Any]) -> None:
    found, shown = validate_energy(small_corpus), page_data["validation"]
    assert shown["designed"] == found.designed_false_alarm
    for curve in shown["curves"]:
        rows = found.table[found.table["receiver"] == curve["receiver"]]
        assert curve["p_d"] == pytest.approx(rows["p_d"], abs=1e-5)
        assert curve["snr_db"] == rows["snr_level_db"].tolist()
        assert all(a <= p <= b for (a, b), p in zip(curve["interval"], curve["p_d"], strict=True))


def _decoded(packed: dict[str, Any], kind: str, form: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed[kind]), form).reshape(packed["shape"])


def test_solids_are_closed_and_have_the_volume_of_their_footprints(
    small_corpus: Corpus, page_data: dict[str, Any]
) -> None:
    shown, read = page_data["solids"], read_city(small_corpus)
    assert read is not None and shown["failed"] == 0 and read.left_out == 0
    assert len(read.footprints) == len(small_corpus.table("buildings")) == len(shown["top_m"])
    vertex = _decoded(shown["vertex"], "i16", "<i2") * shown["step_m"]
    face = _decoded(shown["face"], "u16", "<u2").astype(int)
    counts = _decoded(shown["faces_of"], "u32", "<u4")
    a, b, c = (vertex[face[:, corner]] for corner in range(3))
    volume = np.add.reduceat(np.einsum("fi,fi->f", a, np.cross(b, c)) / 6, np.cumsum([0, *counts[:-1]]))
    prism = np.array([shape.area for shape in read.footprints]) * (read.top_m - read.base_m)
    flat = np.array([roof[0] == "flat" for roof in read.roofs])
    # Corners lie on a grid of 0.1 m, so that of a small house some per cent may go.
    assert np.abs(volume[flat].sum() / prism[flat].sum() - 1) < 0.005
    assert np.median(np.abs(volume[flat] / prism[flat] - 1)) < 0.02
    assert np.all(volume > 0) and np.all(volume[~flat] < 1.05 * prism[~flat])
    for site, row in zip(shown["sites"], small_corpus.table("sites").itertuples(), strict=True):
        at = np.array(site["at"]) + np.array(shown["middle_m"])
        assert at == pytest.approx([row.east_m, row.north_m, row.height_m], abs=0.06)
        assert site["name"] == row.name


def test_the_map_has_each_place_where_it_is(small_corpus: Corpus) -> None:
    read = read_city(small_corpus)
    assert read is not None
    frame, drawn = MapFrame(read), city_map(read, "somebody")
    for row in small_corpus.table("receivers").itertuples():
        x, y = frame.of(np.array([row.east_m, row.north_m]))
        assert f'<circle cx="{x:g}" cy="{y:g}"' in drawn
        # Back to metres: a tenth of a unit is what is kept.
        assert (x / frame.scale + frame.west) == pytest.approx(row.east_m, abs=0.1 / frame.scale)
        assert (frame.north - y / frame.scale) == pytest.approx(row.north_m, abs=0.1 / frame.scale)


def test_of_a_large_city_what_is_near_is_drawn(
    copied: Callable[..., Corpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = copied()
    whole = read_city(corpus)
    monkeypatch.setattr(city, "MOST_CORNERS", 500)
    part = read_city(corpus)
    assert whole is not None and part is not None
    assert part.left_out == len(whole.footprints) - len(part.footprints) > 0
    near = np.array([place[:2] for _, place in part.sites] + [track[0, :2] for _, track in part.uavs])
    distance = [
        min(np.hypot(*(np.array(shape.centroid.coords[0]) - place)) for place in near)
        for shape in part.footprints
    ]
    assert max(distance) < 150
