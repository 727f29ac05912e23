"""Cell databases in all the forms that they come in, and in forms they should not."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iqatlas.errors import MissingFileError, SitesError
from iqatlas.scenes.opencellid import CELL_COLUMNS, read_cells

DOWNLOAD = "radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal"
API = "radio,mcc,mnc,lac,cellid,unit,lon,lat,range,samples,changeable,created,updated,averageSignalStrength"
ROWS = (
    "LTE,234,30,7,3276032,0,-0.08,51.51,1000,12,1,1,2,0",
    "GSM,234,10,7,777,0,-0.081,51.511,500,3,1,1,2,0",
    "NR,310,260,5898496,5613830000,0,-0.082,51.512,500,1,1,1,2,0",
)


@pytest.fixture
def write(tmp_path: Path):
    def write(data: str | bytes, name: str = "cells.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return write


def lines(*rows: str, end: str = "\n") -> str:
    return end.join(rows) + end


@pytest.mark.parametrize(
    "data",
    [
        lines(DOWNLOAD, *ROWS),
        lines(API, *ROWS),
        lines(*ROWS),
        lines(DOWNLOAD, *ROWS, end="\r\n"),
        lines(DOWNLOAD, *ROWS).rstrip("\n"),
        "\ufeff" + lines(DOWNLOAD, *ROWS),
        lines(DOWNLOAD.upper(), *ROWS),
        lines(*(",".join(f'"{field}"' for field in row.split(",")) for row in (DOWNLOAD, *ROWS))),
        lines(DOWNLOAD, "", ROWS[0], "", *ROWS[1:], ""),
    ],
    ids=[
        "download",
        "api",
        "no header",
        "crlf",
        "no last newline",
        "bom",
        "capitals",
        "quoted",
        "blank lines",
    ],
)
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_every_vintage_gives_the_same_table(write, data: str, compressed: bool) -> None:
    """gzip is told by content, so a compressed file may also be called .csv."""
    table = read_cells(write(gzip.compress(data.encode()) if compressed else data))
    assert tuple(table.cells.columns) == CELL_COLUMNS
    assert (table.rows, table.dropped, table.has_radio) == (3, {}, True)
    assert table.cells.values.tolist() == [
        ["LTE", 234, 30, 7, 3276032, -0.08, 51.51, 1000.0, 12],
        ["GSM", 234, 10, 7, 777, -0.081, 51.511, 500.0, 3],
        ["NR", 310, 260, 5898496, 5613830000, -0.082, 51.512, 500.0, 1],
    ]


def test_a_copy_without_radio_says_so(write) -> None:
    def cut(row: str) -> str:
        return row.partition(",")[2]

    for data in (lines(cut(DOWNLOAD), *map(cut, ROWS)), lines(*map(cut, ROWS))):
        table = read_cells(write(data))
        assert not table.has_radio
        assert table.cells["cell"].tolist() == [3276032, 777, 5613830000]


def test_absent_range_and_samples_have_stated_values(write) -> None:
    table = read_cells(write("mcc,mnc,cell,lon,lat,radio\n234,30,3276032,-0.08,51.51,LTE\n"))
    assert table.cells.values.tolist() == [["LTE", 234, 30, 0, 3276032, -0.08, 51.51, 0.0, 1]]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("LTE,234,30,7,1,0,abc,51.51,1000,12,1,1,2,0", "bad longitude_deg"),
        ("LTE,234,30,7,1,0,-180.1,51.51,1000,12,1,1,2,0", "bad longitude_deg"),
        ("LTE,234,30,7,1,0,-0.08,nan,1000,12,1,1,2,0", "bad latitude_deg"),
        ("LTE,234,30,7,1,0,-0.08,inf,1000,12,1,1,2,0", "bad latitude_deg"),
        ("LTE,234,30,7,1,0,-0.08,,1000,12,1,1,2,0", "bad latitude_deg"),
        ("LTE,234,30,7,1.5,0,-0.08,51.51,1000,12,1,1,2,0", "bad cell"),
        ("LTE,234,30,7,-1,0,-0.08,51.51,1000,12,1,1,2,0", "bad cell"),
        ("LTE,234,30,7,99999999999,0,-0.08,51.51,1000,12,1,1,2,0", "bad cell"),
        ("LTE,1234,30,7,1,0,-0.08,51.51,1000,12,1,1,2,0", "bad mcc"),
        ("LTE,234,True,7,1,0,-0.08,51.51,1000,12,1,1,2,0", "bad mnc"),
        ("LTE,234,30,7,1,0,-0.08,51.51,-5,12,1,1,2,0", "bad range_m"),
        ("LTE,234,30,7,1,0,-0.08,51.51,1000,many,1,1,2,0", "bad samples"),
        ("LTE,234,30,7,1,0,-0.08,51.51,1000,12,1,1,2", "wrong number of fields"),
        ("LTE,234,30,7,1,0,-0.08,51.51,1000,12,1,1,2,0,0", "wrong number of fields"),
        ("LTE,234,30,7,1,0,-0,08,51.51,1000,12,1,1,2,0", "wrong number of fields"),
        (DOWNLOAD, "bad mcc"),
    ],
)
def test_bad_rows_are_dropped_and_counted(write, row: str, reason: str) -> None:
    """Good rows before and after a bad one stay, alone in the file or not."""
    table = read_cells(write(lines(DOWNLOAD, ROWS[0], row, ROWS[1])))
    assert (table.rows, table.dropped) == (3, {reason: 1})
    assert table.cells["cell"].tolist() == [3276032, 777]
    assert read_cells(write(lines(DOWNLOAD, row))).dropped == {reason: 1}


def test_a_cell_that_comes_twice_is_kept_once_with_most_samples(write) -> None:
    better = ROWS[0].replace(",12,1,", ",40,1,")
    table = read_cells(write(lines(DOWNLOAD, *ROWS, better)))
    assert table.dropped == {"the same cell again": 1}
    assert table.cells["samples"].max() == 40 and len(table.cells) == 3


def test_only_the_bbox_is_kept(write) -> None:
    path = write(lines(DOWNLOAD, *ROWS))
    table = read_cells(path, bbox=(-0.0815, 51.5105, -0.0805, 51.5115))
    assert table.rows == 3
    assert table.cells["cell"].tolist() == [777]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("", "the file is empty"),
        ("radio,mcc,net,area,cell\nLTE,234,30,7,1\n", "no column for longitude_deg, latitude_deg"),
        ("radio,mcc,net,cell,cellid,lon,lat\n", "comes twice"),
        ("<html><body>Too many requests</body></html>\n", "neither a header nor a row"),
        ("status: error, message: Invalid token\n", "neither a header nor a row"),
        (b"\x00\xff\xfe\x80" * 50, "neither a header nor a row"),
        (gzip.compress(lines(DOWNLOAD, *ROWS).encode())[:-9], "can't be read to its end"),
        (b"\x1f\x8b" + b"nonsense" * 9, "can't be read to its end"),
        (lines(DOWNLOAD) + "9" * 100_000, "a line of more than"),
    ],
)
def test_what_is_no_cell_file_is_refused_in_one_line(write, data: str | bytes, what: str) -> None:
    with pytest.raises(SitesError, match=what) as caught:
        read_cells(write(data), where="sites.path")
    assert str(caught.value).startswith("sites.path (cells.csv): ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"gone\.csv"):
        read_cells(tmp_path / "gone.csv")


def test_a_gzip_bomb_stops_at_the_limit(write) -> None:
    """20 MB of rows in 60 kB of gzip: reading ends at the limit, before all of it is unpacked."""
    path = write(gzip.compress(lines(DOWNLOAD, *ROWS * 140_000).encode()))
    assert path.stat().st_size < 200_000
    with pytest.raises(SitesError, match="more than 9000000 bytes"):
        read_cells(path, max_bytes=9_000_000)


def test_too_many_cells_are_refused(write) -> None:
    rows = [f"LTE,234,30,7,{cell},0,-0.08,51.51,1000,12,1,1,2,0" for cell in range(30)]
    with pytest.raises(SitesError, match="more than 20 cells"):
        read_cells(write(lines(DOWNLOAD, *rows)), max_cells=20)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("london-city", {"GSM": 142, "LTE": 939, "NR": 219, "UMTS": 28}),
        ("nyc-lower-east-side", {"LTE": 449, "NR": 28}),
    ],
)
def test_real_files_match_an_independent_reading(
    shared_data: Path, name: str, counts: dict[str, int]
) -> None:
    path = shared_data / f"{name}-opencellid.csv"
    table = read_cells(path)
    plain = pd.read_csv(path).rename(columns={"net": "mnc", "cellid": "cell"})
    assert table.rows == len(plain) and table.dropped == {}
    assert table.cells["radio"].value_counts().to_dict() == counts
    for ours, theirs in (("mnc", "mnc"), ("cell", "cell"), ("longitude_deg", "lon"), ("range_m", "range")):
        assert table.cells[ours].tolist() == plain[theirs].tolist()


field = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters=",\n"), max_size=12),
    st.integers(-10, 10**12).map(str),
    st.floats().map(str),
    st.sampled_from(["LTE", "234", "True", '"', "", "1e999", "0x10", "-0.08", "51.51", "\r", "\0"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(field, min_size=12, max_size=16).map(",".join), max_size=6), st.binary(max_size=40))
def test_hostile_rows_never_pass_and_never_crash(write, rows: list[str], tail: bytes) -> None:
    """Whatever stands between good rows, they are read, and all rows are kept or counted as dropped."""
    good = [ROWS[0], ROWS[1]]
    text = io.BytesIO()
    text.write(lines(DOWNLOAD, good[0], *rows, good[1]).encode())
    text.write(tail.replace(b"\n", b""))
    table = read_cells(write(text.getvalue()))
    assert {3276032, 777} <= set(table.cells["cell"])
    assert len(table.cells) + sum(table.dropped.values()) == table.rows
    assert table.cells["longitude_deg"].abs().max() <= 180
