"""CellMapper recordings, made up in the form that the app exports."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iqatlas.errors import MissingFileError, SitesError
from iqatlas.scenes.cellmapper import RADIO_COLUMNS, read_measurements
from iqatlas.scenes.frame import LocalFrame
from iqatlas.scenes.opencellid import CELL_COLUMNS

FRAME = LocalFrame(9.48, 51.31)
BBOX = (9.40, 51.25, 9.56, 51.37)
HEADER = "Latitude,Longitude,Altitude,MCC,MNC,LAC,CID,Signal,Type,Subtype,ARFCN,PSC\n"


def row(east=0.0, north=0.0, *, cid=30926080, signal=-90, radio="LTE", arfcn=1300, pci=209, mnc=1) -> str:
    longitude, latitude = (float(x) for x in FRAME.to_geodetic(float(east), float(north)))
    return f"{latitude:.8f},{longitude:.8f},205,262,{mnc},3080,{cid},{signal},{radio},{radio},{arfcn},{pci}\n"


def written(folder: Path, text: str | bytes, name: str = "signal.csv") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("header", ["", HEADER, HEADER.lower().replace("arfcn,psc", "earfcn,pci")])
def test_measurements_become_cells(tmp_path: Path, header: str) -> None:
    text = header + row(0, 0) + row(400, 0) + row(0, 300, cid=30926081, pci=210)
    table = read_measurements(written(tmp_path, text), bbox=BBOX)
    cells = table.cells
    assert list(cells.columns) == [*CELL_COLUMNS, *RADIO_COLUMNS]
    assert table.rows == 3 and table.has_radio and not table.dropped
    assert cells["cell"].tolist() == [30926080, 30926081]
    assert cells["samples"].tolist() == [2, 1]
    assert cells["pci"].tolist() == [209, 210] and cells["earfcn"].tolist() == [1300, 1300]
    east, north = FRAME.to_local(cells["longitude_deg"].to_numpy(), cells["latitude_deg"].to_numpy())
    # Equal signals: the middle. Coordinates are written to 1e-8°, a millimetre.
    np.testing.assert_allclose(np.stack([east, north], axis=-1), [[200, 0], [0, 300]], atol=0.01)
    # A kilometre at least, whatever small part of the cell was seen.
    assert cells["range_m"].tolist() == [1000.0, 1000.0]


def test_a_phone_that_stands_still_counts_once(tmp_path: Path) -> None:
    still = "".join(row(0.01 * i, 0, signal=-90 - i % 3) for i in range(500))
    cells = read_measurements(written(tmp_path, still + row(400, 0)), bbox=BBOX).cells
    east, _ = FRAME.to_local(cells["longitude_deg"].to_numpy(), cells["latitude_deg"].to_numpy())
    # 5 m of standing still are one place of 7 by 11 m, or two at its edge.
    assert cells["samples"][0] in (2, 3)
    assert 130 < east[0] < 205


def test_stronger_measurements_weigh_as_their_amplitude(tmp_path: Path) -> None:
    cells = read_measurements(
        written(tmp_path, row(0, 0, signal=-80) + row(110, 0, signal=-100)), bbox=BBOX
    ).cells
    east, _ = FRAME.to_local(cells["longitude_deg"].to_numpy(), cells["latitude_deg"].to_numpy())
    # 20 dB are a factor of 10 in amplitude: (0 · 10 + 110 · 1) / 11.
    assert east[0] == pytest.approx(10.0, abs=0.01)


def test_what_is_left_out_is_told(tmp_path: Path) -> None:
    text = (
        row(0, 0)
        + row(0, 0, radio="GSM", cid=12)
        + row(0, 0, cid=1 << 29)
        + "51.3,9.48,205,262\n"
        + row(50_000, 0, cid=77)  # outside the bbox: not dropped, not used
        + row(200, 0, arfcn=-1, pci=9999)
        + "x,9.48,205,262,1,3080,30926080,-88,LTE,LTE,1300,209\n"
    )
    table = read_measurements(written(tmp_path, text), bbox=BBOX)
    assert table.rows == 7
    assert table.dropped == {"bad cell": 1, "bad latitude_deg": 1, "not LTE": 1, "wrong number of fields": 1}
    assert table.cells["cell"].tolist() == [30926080]
    # The row without identity and channel is a measurement all the same.
    assert table.cells[["samples", "pci", "earfcn"]].to_numpy().tolist() == [[2, 209, 1300]]


def test_the_commonest_identity_wins(tmp_path: Path) -> None:
    text = "".join(row(100 * i, 0, pci=pci) for i, pci in enumerate([5, 7, 7, -1, 5, 7, -1, -1, -1]))
    assert read_measurements(written(tmp_path, text), bbox=BBOX).cells["pci"].tolist() == [7]
    text = "".join(row(100 * i, 0, pci="") for i in range(3))
    assert read_measurements(written(tmp_path, text), bbox=BBOX).cells["pci"].tolist() == [-1]


def test_nothing_inside_is_an_empty_table(tmp_path: Path) -> None:
    cells = read_measurements(written(tmp_path, row(50_000, 0)), bbox=BBOX).cells
    assert cells.empty and list(cells.columns) == [*CELL_COLUMNS, *RADIO_COLUMNS]


def test_gzip_and_fields_of_newer_versions(tmp_path: Path) -> None:
    text = "".join(row(100 * i, 0).rstrip("\n") + ",extra,1\n" for i in range(3))
    table = read_measurements(written(tmp_path, gzip.compress(text.encode())), bbox=BBOX)
    assert table.cells["samples"].tolist() == [3]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the file is empty"),
        ("radio,mcc,net\n", "no column for latitude_deg, longitude_deg, mnc, cell"),
        ("hello\n", "neither a header nor a row of a CellMapper recording: 'hello'"),
        (HEADER.replace("Latitude", "Lon"), "no column for latitude_deg"),
        (b"\x1f\x8b" + b"\0" * 40, "can't be read to its end"),
        ("1," * 40_000, "a line of more than 65536 bytes"),
    ],
)
def test_files_that_are_no_recording(tmp_path: Path, text: str | bytes, what: str) -> None:
    with pytest.raises(SitesError, match=what):
        read_measurements(written(tmp_path, text), bbox=BBOX)


def test_missing_and_too_large_files(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match=r"sites\.path: no file"):
        read_measurements(tmp_path / "gone.csv", bbox=BBOX)
    with pytest.raises(SitesError, match="more than 100 bytes of CSV"):
        read_measurements(written(tmp_path, row() * 10), bbox=BBOX, max_bytes=100)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text("0123456789.-eLTEx \t", max_size=9), min_size=12, max_size=13), max_size=8))
def test_garbage_behind_a_header_never_crashes(tmp_path_factory: pytest.TempPathFactory, rows) -> None:
    path = tmp_path_factory.mktemp("garbage") / "signal.csv"
    table = read_measurements(
        written(path.parent, HEADER + "".join(",".join(fields) + "\n" for fields in rows)), bbox=BBOX
    )
    assert sum(table.dropped.values()) <= table.rows == len(rows)
