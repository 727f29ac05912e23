"""Traces: what is written comes back, in both layouts and formats, and damage is one line."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas import CorpusSpec, plan
from iqatlas.errors import MissingFileError, SpecError
from iqatlas.occupancy import trace_file
from iqatlas.occupancy.markov import MarkovChains
from iqatlas.occupancy.spec import MarkovOccupancy, TraceOccupancy
from iqatlas.occupancy.trace import TraceChains
from iqatlas.occupancy.trace_file import read_trace

STATES = MarkovChains(MarkovOccupancy(p01=0.2, p10=0.4), sites=2, subchannels=3, slots=1, seed=1).draw(0, 400)


def long_table(states: np.ndarray) -> pd.DataFrame:
    slot, site, subchannel = (axis.ravel() for axis in np.indices(states.shape))
    return pd.DataFrame(
        {"slot": slot, "site": site, "subchannel": subchannel, "occupied": states.ravel().astype(int)}
    )


def wide_table(states: np.ndarray) -> pd.DataFrame:
    slot, site = (axis.ravel() for axis in np.indices(states.shape[:2]))
    values = states.reshape(-1, states.shape[2]).astype(int)
    return pd.DataFrame({"slot": slot, "site": site} | {str(n): values[:, n] for n in range(states.shape[2])})


def write(table: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("layout", [long_table, wide_table])
@pytest.mark.parametrize("name", ["trace.csv", "trace.parquet"])
def test_a_table_comes_back_whatever_the_order_of_its_rows(layout, name: str, tmp_path: Path) -> None:
    table = layout(STATES).sample(frac=1, random_state=1)
    np.testing.assert_array_equal(read_trace(write(table, tmp_path / name), sites=2, subchannels=3), STATES)


@settings(max_examples=25, deadline=None)
@given(data=st.data(), slots=st.integers(1, 6), sites=st.integers(1, 3), subchannels=st.integers(1, 4))
def test_any_occupancy_comes_back(
    data: st.DataObject, slots: int, sites: int, subchannels: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    size = slots * sites * subchannels
    bits = data.draw(st.lists(st.booleans(), min_size=size, max_size=size))
    states = np.array(bits).reshape(slots, sites, subchannels)
    path = write(long_table(states), tmp_path_factory.mktemp("t") / "t.csv")
    np.testing.assert_array_equal(read_trace(path, sites=sites, subchannels=subchannels), states)


@pytest.mark.parametrize("words", [("true", "false"), ("True", "FALSE"), (" 1", " 0"), ("1.0", "0.0")])
def test_words_for_bits(words: tuple[str, str], tmp_path: Path) -> None:
    table = long_table(STATES)
    table["occupied"] = [words[0] if bit else words[1] for bit in table["occupied"]]
    path = write(table, tmp_path / "t.csv")
    np.testing.assert_array_equal(read_trace(path, sites=2, subchannels=3), STATES)


def _set(column: str, row: int, value: object):
    def change(table: pd.DataFrame) -> pd.DataFrame:
        table = table.astype(object)
        table.loc[row, column] = value
        return table

    return change


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (_set("occupied", 6, 2), "t.csv: occupied of row 7 is '2'; accepted: 0 or 1"),
        (_set("occupied", 6, "maybe"), "t.csv: occupied of row 7 is 'maybe'; accepted: 0 or 1"),
        (_set("occupied", 6, None), "t.csv: occupied of row 7 is 'nan'; accepted: 0 or 1"),
        (_set("slot", 3, -1), "t.csv: slot of row 4 is '-1'; accepted: whole numbers from 0 on"),
        (_set("slot", 3, 1.5), "t.csv: slot of row 4 is '1.5'; accepted: whole numbers from 0 on"),
        (_set("site", 3, "mast"), "t.csv: site of row 4 is 'mast'; accepted: whole numbers from 0 on"),
        (_set("slot", 2399, 10**9), "t.csv holds 2400 values for 1000000001 slots, 2 sites and 3"),
        (_set("site", 0, 2), "t.csv has values up to site 2; accepted: site 0 to 1"),
        (_set("slot", 0, 7), "t.csv has more than one value for slot 7, site 0, sub-channel 0"),
        (lambda t: t.iloc[:-1], "t.csv holds 2399 values for 400 slots"),
        (lambda t: t.iloc[:0], "t.csv has no rows"),
        (lambda t: t.rename(columns={"site": "mast"}), "the columns of t.csv are slot, mast, subchannel,"),
        (lambda t: t[t["subchannel"] < 2], "t.csv has values up to subchannel 1; accepted: subchannel"),
    ],
)  # fmt: skip
def test_damage_is_one_line(change, line: str, tmp_path: Path) -> None:
    path = write(change(long_table(STATES)), tmp_path / "t.csv")
    with pytest.raises(SpecError) as caught:
        read_trace(path, sites=2, subchannels=3)
    assert str(caught.value).startswith(f"occupancy.path: {line}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content"),
    [("t.csv", b""), ("t.csv", b'a,"b\n1'), ("t.parquet", b"PAR1 none"), ("t.csv", b"\xff\xfe\x00\x01")],
)
def test_what_is_no_table_is_one_line(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpecError, match=rf"^occupancy\.path: .*{name}") as caught:
        read_trace(tmp_path / name, sites=2, subchannels=3)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_kind_or_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"x")
    with pytest.raises(SpecError, match=r"t\.xlsx is no table; accepted: \.csv or \.parquet"):
        read_trace(tmp_path / "t.xlsx", sites=2, subchannels=3)
    with pytest.raises(MissingFileError, match="no such file"):
        read_trace(tmp_path / "gone.csv", sites=2, subchannels=3)


def test_a_table_that_claims_too_much_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(long_table(STATES), tmp_path / "t.parquet")
    monkeypatch.setattr(trace_file, "_LARGEST_CELLS", 9599)
    with pytest.raises(SpecError, match="holds 9,600 values; accepted: up to 9,599"):
        read_trace(path, sites=2, subchannels=3)
    monkeypatch.setattr(trace_file, "_LARGEST_CSV_BYTES", 100)
    with pytest.raises(SpecError, match="MiB; store it as Parquet"):
        read_trace(write(long_table(STATES), tmp_path / "t.csv"), sites=2, subchannels=3)


def test_text_in_parquet_is_not_even_read(tmp_path: Path) -> None:
    table = long_table(STATES)
    table["occupied"] = table["occupied"].map({0: "no", 1: "yes"})
    with pytest.raises(SpecError, match=r"the column occupied holds (large_)?string; accepted: numbers"):
        read_trace(write(table, tmp_path / "t.parquet"), sites=2, subchannels=3)


def chains(folder: Path, *, slots: int, draws: int = 1, repeat: bool = False) -> TraceChains:
    write(long_table(STATES), folder / "t.csv")
    spec = TraceOccupancy(path=Path("t.csv"), repeat=repeat)
    return TraceChains(spec, folder=folder, sites=2, subchannels=3, slots=slots, draws=draws)


def test_draws_follow_each_other(tmp_path: Path) -> None:
    made = chains(tmp_path, slots=150, draws=2)
    np.testing.assert_array_equal(made.draw(0, 150), STATES[:150])
    np.testing.assert_array_equal(made.draw(1, 150), STATES[150:300])


def test_a_short_trace_is_refused_or_repeated(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"the trace has 400 slots; 450 are needed; lower capture\.slots"):
        chains(tmp_path, slots=150, draws=3)
    made = chains(tmp_path, slots=300, draws=2, repeat=True)
    np.testing.assert_array_equal(made.draw(1, 300), np.concatenate([STATES[300:], STATES[:200]]))


@settings(max_examples=100, deadline=None)
@given(
    slots=st.integers(2, 40),
    draws=st.integers(1, 9),
    length=st.integers(2, 120),
    cuts=st.lists(st.integers(0, 40), min_size=4, max_size=4),
)
def test_blocks_that_share_slots_are_those_found_by_counting(
    slots: int, draws: int, length: int, cuts: list[int]
) -> None:
    a, b, c, d = sorted(min(cut, slots) for cut in cuts)
    if a == b or c == d:
        return
    made = object.__new__(TraceChains)
    made._slots, made.states = slots, np.zeros((length, 1, 1), bool)
    place = (np.arange(draws * slots) % length).reshape(draws, slots)
    wanted = bool(np.isin(place[:, a:b], place[:, c:d]).any())
    with pytest.raises(SpecError, match="in one and in other") if wanted else nullcontext():
        made.refuse_repeats({"one": range(a, b), "other": range(c, d)}, draws=draws)


@pytest.mark.parametrize(
    ("slots", "draws", "splits", "pair"),
    [
        (800, 1, {"train": 0.5, "validation": 0, "test": 0.5}, "in train and in test"),
        (800, 1, {}, "in train and in validation"),
        (250, 2, {"by": "receiver"}, "in train and in validation"),
        (440, 1, {}, "in train and in test"),
        (800, 1, {"train": 1, "validation": 0, "test": 0}, None),
        (900, 1, {"train": 0.34, "validation": 0.33, "test": 0.33, "by": "site"}, None),
        (200, 2, {}, None),
    ],
)
def test_a_repeated_trace_is_not_in_two_splits(
    slots: int, draws: int, splits: dict[str, object], pair: str | None, tmp_path: Path
) -> None:
    states = MarkovChains(MarkovOccupancy(p01=0.2, p10=0.4), sites=3, subchannels=2, slots=1, seed=1)
    write(long_table(states.draw(0, 400)), tmp_path / "t.csv")
    tree = {
        "waveform": {"bandwidth_mhz": 1.4, "subchannels": 2},
        "occupancy": {"kind": "trace", "path": "t.csv", "repeat": True},
        "capture": {"slots": slots, "draws": draws, "samples": 64},
        "splits": splits,
        "features": {"spectrogram": None},
    }
    spec = CorpusSpec.from_tree(tree, folder=tmp_path)
    if pair is None:
        plan(spec)
        return
    with pytest.raises(SpecError) as caught:
        plan(spec)
    assert str(caught.value).startswith(
        f"occupancy.repeat: the trace of 400 slots comes again, {pair}; accepted"
    )
    assert "single split" in str(caught.value) and "\n" not in str(caught.value)


def test_the_guard_is_where_the_trace_has_forgotten(tmp_path: Path) -> None:
    """Of chains with λ = 0.4, 0.4^n is 0.01 at 5.03, and two standard errors of 2,400 states at 3.5."""
    assert 3 <= chains(tmp_path, slots=400).guard_slots() <= 7
    frozen = long_table(np.ones((50, 1, 1), bool))
    write(frozen, tmp_path / "one.csv")
    spec = TraceOccupancy(path=Path("one.csv"))
    constant = TraceChains(spec, folder=tmp_path, sites=1, subchannels=1, slots=50, draws=1)
    assert constant.guard_slots() == 0
    assert constant.theory(50) is None
