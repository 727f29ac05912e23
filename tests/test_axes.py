"""The table of axes: complete, consistent, and in units that can be read."""

from __future__ import annotations

import numpy as np
import pytest

from iqatlas.axes import PATH_QUANTITIES, QUANTITIES, RECORD, Quantity

ALL = {**QUANTITIES, **{f"paths/{name}": quantity for name, quantity in PATH_QUANTITIES.items()}}


@pytest.mark.parametrize("name", ALL)
def test_every_quantity_is_complete(name: str) -> None:
    quantity = ALL[name]
    assert quantity.dims
    assert len(set(quantity.dims)) == len(quantity.dims)
    assert quantity.units
    assert quantity.long_name
    assert not quantity.long_name.endswith(".")
    assert quantity.dtype == "str" or np.dtype(quantity.dtype).name == quantity.dtype
    assert all("\n" not in text for text in quantity.attributes().values())


def test_records_come_first_and_iq_lies_as_published() -> None:
    over_records = [q for q in QUANTITIES.values() if RECORD in q.dims]
    assert all(q.dims[0] == RECORD for q in over_records)
    assert QUANTITIES["iq"].dims == ("record", "receiver", "sample")
    assert QUANTITIES["occupancy"].dims == ("record", "site", "subchannel")
    assert QUANTITIES["label"].dims == ("record", "subchannel")
    assert QUANTITIES["iq"].dtype == "complex64"


def test_axes_are_shared_by_name() -> None:
    # A coordinate that bears the name of an axis lies on that axis alone.
    for name, quantity in QUANTITIES.items():
        if name == "waypoint":
            continue  # of a record: the index into the axis
        if any(name in other.dims for other in QUANTITIES.values()):
            assert quantity.dims == (name,)


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("iq", "mW^0.5"),
        ("signal_power", "dBm"),
        ("noise_power", "dBm"),
        ("snr", "dB"),
        ("snr_level", "dB"),
        ("time", "s"),
        ("frequency", "Hz"),
        ("latitude", "degrees_north"),
        ("longitude", "degrees_east"),
        ("altitude", "m"),
        ("velocity", "m/s"),
    ],
)
def test_units_are_those_of_the_format(name: str, units: str) -> None:
    # Published corpora rest on them: a change here is a new version of the format.
    assert QUANTITIES[name].units == units


def test_a_comment_is_stored_where_there_is_one() -> None:
    with_comment = Quantity(("record",), "bool", "1", "flag", "read me")
    assert with_comment.attributes() == {"units": "1", "long_name": "flag", "comment": "read me"}
    assert Quantity(("record",), "bool", "1", "flag").attributes() == {"units": "1", "long_name": "flag"}
