"""Splits by draw, receiver and site: what is kept apart, found again in corpora, and audited."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from test_components import draw_nothing

from iqatlas import Corpus, CorpusSpec, generate, open_corpus, plan
from iqatlas.catalogs.audit import audit_corpus
from iqatlas.catalogs.split_audit import split_problems
from iqatlas.errors import CorpusError, SpecError
from iqatlas.occupancy import estimate

SHARES = {"train": 0.5, "validation": 0.25, "test": 0.25}


def spec(by: str, **changes: Any) -> CorpusSpec:
    return CorpusSpec.from_tree(
        {
            "name": f"by-{by}",
            "raytracing": {"kind": "free_space"},
            "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
            "receivers": {"count": 4},
            "occupancy": {"p01": 0.3, "p10": 0.3},
            "capture": {"slots": 60, "snr_db": [0, 20], "samples": 64, "draws": 4},
            "features": {"spectrogram": None},
            "splits": {**SHARES, "by": by},
            **changes,
        }
    )


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Corpus]:
    folder = tmp_path_factory.mktemp("splits")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("iqatlas.plotting.overview.draw_overview", draw_nothing)
        return {by: generate(spec(by), folder / by) for by in ("draw", "receiver", "site")}


@pytest.mark.parametrize("by", ["draw", "receiver", "site"])
def test_a_corpus_keeps_its_splits(corpora: dict[str, Corpus], by: str) -> None:
    assert corpora[by].verify().problems == ()
    counts = corpora[by].manifest.splits
    found = {name: int((corpora[by].dataset["split"] == name).sum()) for name in counts}
    assert found == counts
    assert corpora[by].manifest.statistics["guard_slots"] == (0 if by == "draw" else 6)


def test_draws_are_whole(corpora: dict[str, Corpus]) -> None:
    dataset = corpora["draw"].dataset
    by_draw = {int(d): set(dataset["split"].values[dataset["draw"].values == d]) for d in range(4)}
    assert by_draw == {0: {"train"}, 1: {"train"}, 2: {"validation"}, 3: {"test"}}
    assert "guard" not in corpora["draw"].manifest.splits


def test_receivers_have_splits_of_their_own(corpora: dict[str, Corpus]) -> None:
    dataset = corpora["receiver"].dataset
    assert dataset["receiver_split"].values.tolist() == ["train", "train", "validation", "test"]
    train, test = (corpora["receiver"].split(name) for name in ("train", "test"))
    assert (train.sizes["receiver"], test.sizes["receiver"]) == (2, 1)
    # Neither a receiver nor a slot with its payload is in both.
    assert set(train["receiver"].values).isdisjoint(test["receiver"].values)
    assert train["slot"].values.max() + 6 < test["slot"].values.min()


ARRAYS = {"count": 3, "array": {"rows": 2, "columns": 2}}


@pytest.fixture(scope="module")
def arrays(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return three UAVs with four antennas each, split by receiver."""
    capture = {"slots": 60, "snr_db": [10], "samples": 16}
    return generate(
        spec("receiver", receivers=ARRAYS, capture=capture), tmp_path_factory.mktemp("arrays") / "a"
    )


def test_the_antennas_of_a_uav_have_one_split(arrays: Corpus) -> None:
    split = arrays.dataset["receiver_split"].values.tolist()
    assert split == ["train"] * 4 + ["validation"] * 4 + ["test"] * 4
    assert arrays.receivers_of("test") == [f"uav2/{element}" for element in range(4)]
    assert arrays.verify().problems == ()


def test_uavs_are_counted_not_their_antennas() -> None:
    two = {**ARRAYS, "count": 2}
    with pytest.raises(SpecError, match=r"^receivers: 2 UAVs for 3 splits by receiver"):
        plan(spec("receiver", receivers=two))


def test_antennas_in_other_splits_than_their_uav_are_found(arrays: Corpus, tmp_path: Path) -> None:
    # As corpora had it before UAVs were shared out whole: five antennas, four and three.
    before = ["train"] * 5 + ["validation"] * 4 + ["test"] * 3
    problems = changed(arrays, tmp_path, "receiver_split", slice(None), before)
    assert problems == ["receiver_split: the antennas of uav1 are in more than one split"]
    told = {finding.name: finding for finding in audit_corpus(open_corpus(tmp_path / "copy"))}
    assert not told["receiver"].holds and not told["time"].holds
    assert told["receiver"].text.endswith("no, uav1, by its antennas, is in two")


def test_a_split_that_is_none_is_refused(corpora: dict[str, Corpus]) -> None:
    with pytest.raises(CorpusError, match="no split 'tset', did you mean 'test'"):
        corpora["draw"].split("tset")


def test_loaders_leave_out_the_receivers_of_other_splits(corpora: dict[str, Corpus]) -> None:
    pytest.importorskip("torch")
    corpus = corpora["receiver"]
    test = corpus.torch(split="test", variables=["iq", "label"])
    assert test[0]["iq"].shape == (1, 64)
    np.testing.assert_array_equal(
        test[0]["iq"].numpy()[0], corpus.dataset.sel(split="test")["iq"].values[0, 3]
    )
    names = [str(name) for name in corpus.dataset["receiver"].values]
    assert corpus.torch(split="test", receivers=names)[0]["iq"].shape == (4, 64)
    assert corpus.torch()[0]["iq"].shape == (4, 64)


def test_sites_are_silent_in_the_splits_of_others(corpora: dict[str, Corpus]) -> None:
    dataset = corpora["site"].dataset
    own = dataset["site_split"].values.astype("<U10")
    assert corpora["site"].split("test").sizes["receiver"] == 4
    assert sorted(own) == ["test", "train", "validation"]
    for name in ("train", "validation", "test"):
        records = dataset.sel(split=name)
        heard = np.isfinite(records["signal_power"].values).any(axis=(0, 1))
        sent = records["occupancy"].values.any(axis=(0, 2))
        # Control is on: a site that is silent sends no reference signals either.
        assert heard.tolist() == (own == name).tolist()
        assert not sent[own != name].any()
        assert sent[own == name].all()
    guard = dataset.sel(split="guard")
    assert np.isfinite(guard["signal_power"].values).any(axis=(0, 1)).all()
    assert np.array_equal(dataset["label"].values, dataset["occupancy"].values.any(axis=1))


def test_estimates_of_a_corpus_leave_silenced_slots_out(corpora: dict[str, Corpus]) -> None:
    """6 chains of two rates each, 0.3 both: at 99%, more than one of 12 outside has a probability of 6e-3."""
    found = estimate(corpora["site"].dataset, confidence=0.99)
    intervals = np.concatenate([found.p01_interval, found.p10_interval])
    assert ((intervals[..., 0] > 0.3) | (intervals[..., 1] < 0.3)).sum() <= 1
    share = corpora["site"].manifest.statistics["occupancy"]["empirical"]["occupied_share_by_site"]
    # The manifest's figures are of the same slots, and rounded to six digits.
    np.testing.assert_allclose(found.share.mean(axis=1), list(share.values()), atol=1e-6)


def test_sites_that_send_are_heard_as_before() -> None:
    """Silencing changes nothing but who sends: the occupancy of a site in its own split is the same."""
    corpus_spec = spec("site")
    plain = plan(spec("time"))
    made = plan(corpus_spec)
    np.testing.assert_array_equal(made.chains.draw(2, 60), plain.chains.draw(2, 60))
    on = made.site_is_on(np.arange(60))
    assert on is not None and plain.site_is_on(np.arange(60)) is None
    assert on[made.slot_split == 3].all()


@pytest.mark.parametrize(
    ("by", "changes", "line"),
    [
        ("draw", {"capture": {"draws": 2}}, "capture.draws: 2 draws for 3 splits by draw; accepted:"),
        ("receiver", {"receivers": {"count": 2}}, "receivers: 2 receivers for 3 splits by receiver"),
        (
            "site",
            {"sites": {"kind": "list", "sites": [
                {"name": "a", "longitude_deg": 24.94, "latitude_deg": 60.17, "height_m": 30}]}},
            "sites: 1 sites for 3 splits by site",
        ),
    ],
)  # fmt: skip
def test_too_few_to_split_are_refused(by: str, changes: dict[str, Any], line: str) -> None:
    with pytest.raises(SpecError) as caught:
        plan(spec(by, **changes))
    assert str(caught.value).startswith(line)


def test_heavy_tails_may_be_split_by_draw() -> None:
    endless = {"kind": "pareto", "mean_slots": 50, "tail_index": 1.1}
    occupancy = {"kind": "semi_markov", "busy": endless, "idle": endless}
    with pytest.raises(SpecError, match="by: draw"):
        plan(spec("time", occupancy=occupancy))
    assert plan(spec("draw", occupancy=occupancy)).guard_slots == 0
    one = {"train": 1, "validation": 0, "test": 0}
    assert plan(spec("time", occupancy=occupancy, splits=one)).guard_slots == 0


def changed(corpus: Corpus, folder: Path, name: str, index: Any, value: object) -> list[str]:
    """Return what the audit says of a copy in which some values are others."""
    copy = folder / "copy"
    shutil.copytree(corpus.path, copy)
    group = zarr.open_group(copy / "records.zarr", mode="r+", use_consolidated=False)
    values = group[name][:]
    values[index] = value
    group[name][:] = values
    from iqatlas.catalogs._zarr import open_store

    return list(split_problems(open_store(copy / "records.zarr"), open_corpus(copy).manifest))


@pytest.mark.parametrize(
    ("by", "name", "index", "value", "found"),
    [
        ("draw", "split", 0, "test", "split: the records of draw 0 are in more than one split"),
        ("receiver", "receiver_split", 3, "train", "receiver_split: train, validation in place of"),
        ("site", "site_split", slice(None), "guard", "site_split: guard in place of"),
    ],
)
def test_splits_that_mix_are_found(
    corpora: dict[str, Corpus], tmp_path: Path, by: str, name: str, index: Any, value: str, found: str
) -> None:
    problems = changed(corpora[by], tmp_path, name, index, value)
    assert any(problem.startswith(found) for problem in problems), problems


def test_a_site_that_sends_in_another_split_is_found(corpora: dict[str, Corpus]) -> None:
    from iqatlas.catalogs.split_audit import silence_problems

    part = corpora["site"].dataset.reset_index("split").load().copy(deep=True)
    assert not any(bad.any() for _, bad in silence_problems(part))
    row = int(np.flatnonzero(part["split"].values == "train")[0])
    other = int(np.flatnonzero(part["site_split"].values.astype("<U10") == "test")[0])
    part["occupancy"].values[row, other, 1] = True
    part["signal_power"].values[row, 2, other] = -80
    for what, bad in silence_problems(part):
        assert np.flatnonzero(bad.any(axis=1)).tolist() == [row], what
