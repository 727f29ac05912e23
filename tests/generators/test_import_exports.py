"""What iqatlas exported as SigMF comes back as it was, and nothing of it is mixed."""

from __future__ import annotations

import json
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from iqatlas import Corpus, CorpusSpec, generate, open_corpus
from iqatlas.catalogs.import_spec import ImportedCorpusSpec
from iqatlas.catalogs.imported_invariants import imported_split_problems
from iqatlas.catalogs.publish import publish
from iqatlas.catalogs.recording import Recording
from iqatlas.catalogs.sigmf_export import export_sigmf
from iqatlas.catalogs.sigmf_recording import sigmf_recording
from iqatlas.cli.app import run
from iqatlas.errors import CorpusError, SpecError
from iqatlas.generators.import_records import ImportPlan, import_plan
from iqatlas.generators.import_told import cut_as_told
from iqatlas.waveforms.lte.grid import Subchannels
from iqatlas.waveforms.lte.numerology import numerology

SPLITS = ("train", "validation", "test")


def _quiet(done: int, total: int) -> None:
    assert done <= total


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a corpus split by receiver: two draws of 24 slots at two levels, four receivers."""
    tree = {
        "name": "heard",
        "raytracing": {"kind": "free_space"},
        "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
        "receivers": {"count": 4},
        "occupancy": {"p01": 0.3, "p10": 0.3},
        "capture": {"slots": 24, "snr_db": [0, 10], "samples": 32, "draws": 2},
        "splits": {"train": 0.5, "validation": 0.25, "test": 0.25, "by": "receiver"},
        "features": {"spectrogram": None},
        "about": {"authors": ["Doe, Ada"]},
    }
    return generate(CorpusSpec.from_tree(tree), tmp_path_factory.mktemp("corpora") / "heard", workers=1)


@pytest.fixture(scope="module")
def exports(heard: Corpus, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return export_sigmf(heard, tmp_path_factory.mktemp("sigmf"), progress=_quiet)


def _edited(meta: Path, folder: Path, **changes: Any) -> Path:
    """Return a copy of an export whose metadata have other parts; ``None`` takes a global field out."""
    whole = json.loads(meta.read_text())
    for name, value in changes.pop("info", {}).items():
        whole["global"][name] = value
    whole["global"] = {name: value for name, value in whole["global"].items() if value is not None}
    copy = folder / meta.name
    copy.write_text(json.dumps(whole | changes))
    shutil.copy(meta.with_suffix(".sigmf-data"), copy.with_suffix(".sigmf-data"))
    return copy


def _plan(metas: list[Path], **asked: Any) -> ImportPlan:
    found = tuple(sigmf_recording(meta) for meta in metas)
    nothing = dict.fromkeys(("samples", "subchannels", "bandwidth_hz", "full_scale_dbm", "shares"))
    labels = asked.pop("labels", "auto")
    how, splits = cut_as_told(found, **(nothing | asked))
    tree = {"name": "a", "import": {"kind": "sigmf", "labels": labels, **how}, "splits": splits}
    return import_plan(ImportedCorpusSpec.model_validate(tree), found)


def _same(corpus: Corpus, back: Corpus) -> None:
    was, found = corpus.dataset, back.dataset
    for name in ("iq", "label", "split", "time", "draw", "slot", "subchannel_lower", "subchannel_upper"):
        np.testing.assert_array_equal(found[name], was[name], err_msg=name)
    assert found["receiver"].values.tolist() == was["receiver"].values.tolist()
    assert back.manifest.splits == corpus.manifest.splits
    for split in SPLITS:
        np.testing.assert_array_equal(back.split(split)["iq"], corpus.split(split)["iq"], err_msg=split)
    assert back.verify().problems == ()


def test_splits_by_receiver_come_back_and_once_more(
    heard: Corpus, exports: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "sigmf", *map(str, exports), "-o", str(tmp_path / "back")]) == 0
    back = open_corpus(tmp_path / "back")
    _same(heard, back)
    assert run(["export", str(back.path), "--to", "sigmf", "-o", str(tmp_path / "again")]) == 0
    again = sorted((tmp_path / "again").glob("*.sigmf-meta"))
    assert run(["import", "sigmf", *map(str, again), "-o", str(tmp_path / "third")]) == 0
    _same(heard, open_corpus(tmp_path / "third"))


def test_what_is_said_of_captures_that_came_back_is_true(
    heard: Corpus, exports: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import", "sigmf", *map(str, exports), "-o", str(tmp_path / "back")]) == 0
    back = open_corpus(tmp_path / "back")
    publish(back.path, tmp_path / "catalog", version="1.0.0")
    published = open_corpus(f"{tmp_path}/catalog/back@1.0.0")
    cards = {name: (back.path / name).read_text() for name in ("README.md", "CITATION.cff", "croissant.json")}
    cards["published"] = published.place.read("CITATION.cff").decode()
    cards["attributes"] = str(back.dataset.attrs)
    for name, text in cards.items():
        assert "imulated" in text or "imulation" in text, name
        assert "recorded I/Q" not in text and "- recording\n" not in text, name
    assert "in √mW at the antenna port" in cards["README.md"]
    assert "Receivers have splits of their own" in cards["croissant.json"]
    assert '`.split("train")` gives what those of' in cards["README.md"]
    assert back.dataset["iq"].attrs["units"] == "mW^0.5"
    credit = (back.path / "ATTRIBUTION.md").read_text()
    assert "© OpenStreetMap contributors" in credit and "Doe, Ada" in credit
    assert "of who recorded it" not in credit
    assert back.manifest.scene["attribution"] == ["Doe, Ada", *heard.manifest.scene["attribution"]]


def test_a_receiver_alone_has_the_records_of_its_split(
    heard: Corpus, exports: list[Path], tmp_path: Path
) -> None:
    own = heard.dataset["receiver_split"].values.tolist()
    made = _plan([exports[3]])
    was = heard.dataset["split"].values == own[3]
    split = np.array([*SPLITS, "guard"])[made.record_split]
    # Records of other splits that it heard are nobody's.
    assert set(split[was]) == {own[3]} and set(split[~was]) == {"guard"}
    assert made.coordinates()["receiver_split"].values.tolist() == [own[3]]


def test_exports_of_other_records_are_not_merged(
    heard: Corpus,
    exports: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    parts = [export_sigmf(heard, tmp_path / split, split=split, progress=_quiet)[0] for split in SPLITS[1:]]
    assert run(["import", "sigmf", *map(str, parts), "-o", str(tmp_path / "mixed")]) == 2
    said = capsys.readouterr().err
    assert "exports of other records of heard, as those of two splits are" in said
    assert len(said.splitlines()) == 1 and not (tmp_path / "mixed").exists()
    other = _edited(exports[1], tmp_path, info={"iqatlas:manifest_sha256": "0" * 64})
    with pytest.raises(CorpusError, match="exports of two corpora"):
        _plan([exports[0], other])
    plain = _edited(exports[1], tmp_path, info={"iqatlas:manifest_sha256": None})
    with pytest.raises(CorpusError, match=r"one is an export of a corpus \(heard\), the other is not"):
        _plan([exports[0], plain])
    units = _edited(exports[1], tmp_path, info={"iqatlas:units": "1"})
    with pytest.raises(CorpusError, match="say other things"):
        _plan([exports[0], units])
    captures = json.loads(exports[0].read_text())["captures"]
    of_two = [
        one | {"iqatlas:split": split} for one, split in zip(captures, ["train", "test"] * 48, strict=True)
    ]
    told = {"iqatlas:receiver_split": None}
    for place, split in enumerate(("train", "test")):
        (tmp_path / split).mkdir(exist_ok=True)
        captures = [one | {"iqatlas:split": split} for one in of_two]
        parts[place] = _edited(exports[place], tmp_path / split, info=told, captures=captures)
    with pytest.raises(CorpusError, match="a record as of two splits"):
        _plan(parts)


@pytest.mark.parametrize("guard", [3, None])
def test_shares_leave_slots_whole_and_a_guard_between(
    guard: int | None, exports: list[Path], tmp_path: Path
) -> None:
    """Exports before 1.2.0 don't tell how long their occupancy takes to forget: a slot is left out."""
    metas = [_edited(meta, tmp_path, info={"iqatlas:guard_slots": guard}) for meta in exports]
    made = _plan(metas, shares={"train": 0.6, "validation": 0.2, "test": 0.2})
    part = made.make_shard(made.shards[0])
    assert part.sizes["record"] == 96 and "receiver_split" not in made.coordinates()
    number = part["draw"].values * 24 + part["slot"].values
    split = part["split"].values
    held = {name: np.unique(number[split == name]) for name in (*SPLITS, "guard")}
    # Each slot is in one, and those of the guard alone are left out.
    assert sum(len(slots) for slots in held.values()) == 48 == len(np.unique(number))
    assert len(held["guard"]) == 2 * (guard or 1)
    for before, after in pairwise(SPLITS):
        assert held[after].min() - held[before].max() == (guard or 1) + 1
    # Of 48 slots but for the guard, to the nearest one.
    assert [len(held[name]) for name in SPLITS] == ([25, 9, 8] if guard else [28, 9, 9])


def test_a_slot_in_two_splits_does_not_pass_verification(heard: Corpus, exports: list[Path]) -> None:
    made = _plan(exports, shares={"train": 0.5, "validation": 0, "test": 0.5})
    part = made.make_shard(made.shards[0])
    names, counts = np.unique(part["split"].values, return_counts=True)
    told = {"spec": made.spec.tree(), "splits": dict(zip(names.tolist(), counts.tolist(), strict=True))}
    manifest = heard.manifest.model_copy(update=told)
    assert list(imported_split_problems(part, manifest)) == []
    split = part["split"].values.copy()
    cut = np.flatnonzero(split == "test")[0]
    split[cut], split[np.flatnonzero(split == "guard")[0]] = "guard", "test"
    (found,) = imported_split_problems(part.assign(split=("record", split)), manifest)
    assert "are in more than one split" in found


def test_splits_of_whole_draws_are_told_to_be(exports: list[Path], tmp_path: Path) -> None:
    captures = json.loads(exports[0].read_text())["captures"]
    for split, by in ((("train", "test"), "draw"), (("test", "test"), "time")):
        own = [one | {"iqatlas:split": split[one["iqatlas:draw"]]} for one in captures]
        made = _plan([_edited(exports[0], tmp_path, info={"iqatlas:receiver_split": None}, captures=own)])
        assert made.spec.splits.by == by
        assert made.make_shard(made.shards[0])["split"].values.tolist() == list(np.repeat(split, 48))


def test_too_few_slots_for_the_shares_are_one_line(exports: list[Path], tmp_path: Path) -> None:
    metas = [_edited(meta, tmp_path, info={"iqatlas:guard_slots": 40}) for meta in exports]
    with pytest.raises(SpecError, match=r"^--splits: 48 slots are too few .* 40 left out"):
        _ = _plan(metas, shares={"train": 0.6, "validation": 0.2, "test": 0.2}).record_split


def test_sub_channels_of_every_lte_grid_and_of_far_channels_come_back(
    exports: list[Path], tmp_path: Path
) -> None:
    """Those of LTE may lie half a resource block off the carrier, and all of them leave it out."""
    captures = [
        {key: value for key, value in one.items() if key != "iqatlas:label"}
        for one in json.loads(exports[0].read_text())["captures"][:1]
    ]
    carrier_hz = captures[0]["core:frequency"]
    grids = [
        (own.sample_rate_hz, Subchannels.centred(count, own.resource_blocks).edges_hz(own))
        for own in map(numerology, (1.4, 3.0, 5.0, 10.0, 15.0, 20.0))
        for count in range(1, own.resource_blocks + 1)
    ]
    apart = np.array([-4e5, -3e5, 2e5])[:, None] + np.array([-8e3, 8e3])
    grids.append((1e6, apart))
    assert len(grids) > 250
    for rate_hz, edges_hz in grids:
        told = [
            {"name": str(index), "freq_lower_edge": low + carrier_hz, "freq_upper_edge": high + carrier_hz}
            for index, (low, high) in enumerate(edges_hz.tolist())
        ]
        info = {"iqatlas:subchannels": told, "core:sample_rate": rate_hz}
        made = _plan([_edited(exports[0], tmp_path, info=info, captures=captures)])
        # Edges are whole multiples of 2.5 kHz.
        np.testing.assert_array_equal(made.edges_hz, edges_hz)
        assert made.coordinates()["subchannel_lower"].values.tolist() == edges_hz[:, 0].tolist()
        assert made.spec.recording.samples == 32


def test_an_export_without_anything_occupied_has_labels(exports: list[Path], tmp_path: Path) -> None:
    captures = json.loads(exports[0].read_text())["captures"]
    vacant = [one | {"iqatlas:label": [0, 0]} for one in captures]
    bare = _edited(exports[0], tmp_path, captures=vacant, annotations=[])
    for asked in ({}, {"subchannels": 3}, {"labels": "annotations"}):
        made = _plan([bare], **asked)
        assert made.labelled and not made.make_shard(made.shards[0])["label"].values.any()
    assert not _plan([bare], labels="none").labelled
    # Annotations that somebody has taken away are not the same as nothing to annotate.
    bare = _edited(exports[0], tmp_path, annotations=[])
    assert not _plan([bare], subchannels=3).labelled
    np.testing.assert_array_equal(
        _plan([bare]).make_shard(made.shards[0])["label"], [one["iqatlas:label"] for one in captures]
    )


def test_an_export_that_is_cut_otherwise_keeps_splits_and_times(heard: Corpus, exports: list[Path]) -> None:
    made = _plan(exports, samples=16, subchannels=4, bandwidth_hz=1.2e6)
    part, was = made.make_shard(made.shards[0]), heard.dataset
    assert part.sizes["record"] == 192 and made.spec.recording.subchannels == 4
    for name in ("split", "slot", "draw"):
        np.testing.assert_array_equal(part[name], np.repeat(was[name].values, 2))
    after = part["time"].values - np.repeat(was["time"].values, 2)
    # Half a capture later; seconds within 24 ms keep 4e-18 s.
    np.testing.assert_allclose(after, np.tile([0, 16 / 1.92e6], 96), atol=1e-15)
    # Each of the two sub-channels covers the two of equal width that lie on it.
    np.testing.assert_array_equal(part["label"], np.repeat(np.repeat(was["label"].values, 2, 0), 2, 1))


def test_labels_are_those_of_the_annotations_where_these_are_asked_for(
    exports: list[Path], tmp_path: Path
) -> None:
    """Another tool may have changed the annotations; it doesn't know the namespace."""
    one = {"core:sample_start": 0, "core:sample_count": 96 * 32}
    marked = _edited(exports[0], tmp_path, annotations=[one])
    made = _plan([marked], labels="annotations")
    assert made.make_shard(made.shards[0])["label"].values.all()
    assert not _plan([marked]).make_shard(made.shards[0])["label"].values.all()


def test_levels_are_those_that_the_export_tells(exports: list[Path], tmp_path: Path) -> None:
    def level(info: dict[str, Any]) -> float | None:
        found: Recording = sigmf_recording(_edited(exports[0], tmp_path, info=info))
        nothing = dict.fromkeys(("samples", "subchannels", "bandwidth_hz", "shares"))
        how, _ = cut_as_told([found], **nothing, full_scale_dbm=None)
        return how["full_scale_dbm"]

    assert level({}) == 0
    assert level({"iqatlas:units": "1"}) is None
    # Before 1.2.0 simulated captures were in √mW, and of others nobody said.
    assert level({"iqatlas:units": None}) == 0
    assert level({"iqatlas:units": None, "core:hw": None}) is None


def test_specs_of_corpora_from_before_exports_came_back_keep_their_bytes() -> None:
    how = {"kind": "sigmf", "samples": 64, "subchannels": 4, "bandwidth_hz": None, "labels": "auto"}
    how |= {"overlap": 0.5, "full_scale_dbm": None}
    assert ImportedCorpusSpec.model_validate({"name": "a", "import": how}).tree()["import"] == how
