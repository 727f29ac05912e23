"""Scaling by the training split: its figures are NumPy's, and no other record has a say."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr

from iqatlas.errors import SpecError
from iqatlas.features.scaling import Scaling, fit_scaling, read_scaling

SPLIT = np.array(["train"] * 30 + ["guard"] * 4 + ["validation"] * 8 + ["test"] * 8)


def variable(seed: int = 0) -> xr.DataArray:
    rng = np.random.default_rng(seed)
    values = (rng.standard_normal((50, 3, 7)) * [[1], [5], [9]] + [[-90], [-100], [-80]]).astype(np.float32)
    return xr.DataArray(
        values,
        dims=("record", "receiver", "frequency"),
        coords={"split": ("record", SPLIT)},
        name="power_spectrum",
        attrs={"units": "dBm/Hz"},
    )


@pytest.mark.parametrize("per", [(), ("receiver",), ("frequency", "receiver")])
@pytest.mark.parametrize("method", ["z_score", "robust"])
@pytest.mark.parametrize("lazy", [False, True])
def test_centre_and_spread_are_those_of_the_training_records(
    method: str, per: tuple[str, ...], lazy: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("iqatlas.features.centre_spread._AT_ONCE_BYTES", 600)  # seven records at once
    array = variable()
    scaling = fit_scaling(array.chunk(record=8) if lazy else array, method=method, per=per)
    train = array.values[:30].astype(np.float64)
    axes = tuple(i for i, dim in enumerate(array.dims) if dim not in per)
    if method == "z_score":
        centre, spread = train.mean(axis=axes), train.std(axis=axes)
    else:
        low, centre, high = np.percentile(train, [25, 50, 75], axis=axes)
        spread = high - low
    # The same sums in another order, in float64.
    np.testing.assert_allclose(scaling.centre, np.ravel(centre), rtol=1e-9)
    np.testing.assert_allclose(scaling.spread, np.ravel(spread), rtol=1e-9)
    assert scaling.records == 30 and scaling.units == "dBm/Hz"
    scaled = scaling.apply(array)
    wanted = (array.values - np.expand_dims(centre, axes)) / np.expand_dims(spread, axes)
    np.testing.assert_allclose(scaled.values, wanted, atol=1e-4)  # float32 at -100
    np.testing.assert_allclose(scaling.undo(scaled).values, array.values, atol=1e-4)
    assert scaled.attrs["units"] == "1" and scaling.undo(scaled).attrs["units"] == "dBm/Hz"


@pytest.mark.parametrize("method", ["z_score", "robust"])
def test_no_record_outside_the_training_split_has_a_say(method: str) -> None:
    changed = variable()
    changed[30:] = 1e9
    assert fit_scaling(changed, method=method) == fit_scaling(variable(), method=method)
    changed[29] = 1e9
    assert fit_scaling(changed, method=method) != fit_scaling(variable(), method=method)
    assert fit_scaling(variable(), method=method, split="test").records == 8


@pytest.mark.parametrize("method", ["z_score", "robust"])
def test_what_is_not_finite_is_left_out_and_constants_stay_at_zero(method: str) -> None:
    array = variable()
    array[::2, 1] = -np.inf
    scaling = fit_scaling(array, method=method, per=["receiver"])
    rest = array.values[1:30:2, 1].astype(np.float64)
    wanted = rest.mean() if method == "z_score" else np.median(rest)
    assert scaling.centre[1] == pytest.approx(wanted, rel=1e-9)
    same = fit_scaling(xr.full_like(array, 3.0), method=method)
    assert same.spread == (1.0,)
    assert float(abs(same.apply(xr.full_like(array, 3.0))).max()) == 0
    with pytest.raises(SpecError, match="holds no finite value"):
        fit_scaling(xr.full_like(array, -np.inf), method=method)


@pytest.mark.parametrize("method", ["z_score", "robust"])
def test_a_silent_receiver_and_a_constant_are_scaled_by_one(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "iqatlas.features.centre_spread._AT_ONCE_BYTES", 600
    )  # means of many parts differ in digits
    array = variable()
    array[:30, 1] = -np.inf
    array[:30, 2] = 0.1
    scaling = fit_scaling(array, method=method, per="receiver")
    assert scaling.per == ("receiver",)
    assert scaling.spread[1:] == (1.0, 1.0) and scaling.centre[1] == 0
    assert scaling.centre[2] == pytest.approx(np.float32(0.1), rel=1e-12)
    scaled = scaling.apply(array)
    np.testing.assert_array_equal(scaled.values[:, 1], array.values[:, 1])
    # Less the centre and no more: 1e-6 at 80 dB in float32.
    np.testing.assert_allclose(scaled.values[30:, 2], array.values[30:, 2] - np.float32(0.1), rtol=1e-6)
    assert fit_scaling(array[:, :1], method=method).centre[0] == pytest.approx(scaling.centre[0], rel=1e-12)


def test_what_varies_in_less_than_half_of_its_values_is_scaled_by_its_standard_deviation() -> None:
    """Duty cycles are 0 or 1 more often than not: their quartiles are the same."""
    array = variable()
    array[:, 0] = 0.0
    array[:25:6, 0] = np.float32(0.3)
    array[:, 1] = -90.1
    scaling = fit_scaling(array, method="robust", per="receiver")
    assert scaling.centre[0] == 0 and scaling.spread[1] == 1  # the constant's digits are no spread
    # Five of thirty training records; the same sums in float64.
    assert scaling.spread[0] == pytest.approx(float(np.float32(0.3)) * np.sqrt(5 / 30 * 25 / 30), rel=1e-9)
    low, high = np.percentile(array.values[:30, 2].astype(np.float64), [25, 75])
    assert scaling.spread[2] == pytest.approx(high - low, rel=1e-9)


def test_medians_of_much_are_those_of_records_at_even_distances(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("iqatlas.features.scaling._LARGEST_SAMPLE_BYTES", 10 * 84)
    scaling = fit_scaling(variable(), method="robust")
    assert scaling.records == 10
    assert scaling.centre[0] == pytest.approx(float(np.median(variable().values[:30:3])), rel=1e-9)


def test_it_is_stored_as_json_and_read_back_the_same() -> None:
    scaling = fit_scaling(variable(), per=["receiver", "frequency"])
    again = read_scaling(scaling.model_dump_json())
    assert isinstance(again, Scaling) and again == scaling
    np.testing.assert_array_equal(again.apply(variable()).values, scaling.apply(variable()).values)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense", "scaling: JSON: Invalid JSON"),
        ("{}", "scaling: variable: Field required"),
        ('{"variable":"a","units":"1","method":"z_score","split":"train","records":1,"per":[],"lengths":[],'
         '"centre":[],"spread":[1]}', "centre and spread have 1 values"),
    ],
)  # fmt: skip
def test_json_of_something_else_is_one_line(text: str, said: str) -> None:
    with pytest.raises(SpecError) as failure:
        read_scaling(text)
    assert said in failure.value.line()


def named(units: str = "dBm/Hz") -> xr.DataArray:
    """Return the variable with names of receivers, and frequencies."""
    labels = {"receiver": ["uav0", "uav1", "uav2"], "frequency": np.linspace(-4e6, 4e6, 7)}
    return variable().assign_coords(labels).assign_attrs(units=units)


@pytest.mark.parametrize("per", [("receiver",), ("frequency",), ("receiver", "frequency")])
@pytest.mark.parametrize("stored", [False, True])
def test_statistics_are_matched_by_labels(per: tuple[str, ...], stored: bool) -> None:
    array = named()
    scaling = fit_scaling(array, per=per)
    if stored:
        scaling = read_scaling(scaling.model_dump_json())
    whole = scaling.apply(array)
    for some in (
        {"receiver": [2, 0, 1]},
        {"receiver": [1], "frequency": slice(None, None, -1)},
        {"receiver": 2},
        {"frequency": [5, 1], "record": slice(4)},
        {"frequency": 3, "receiver": 0},
    ):
        part = array.isel(some)
        for given in (part, part.chunk(), part.transpose(*part.dims[::-1])):
            got = scaling.apply(given)
            assert got.dims == given.dims
            np.testing.assert_array_equal(got.transpose(*part.dims).values, whole.isel(some).values)
            back = scaling.undo(got).transpose(*part.dims).values
            np.testing.assert_allclose(back, part.values, atol=1e-4)  # float32 at -100
    # Frequencies that went through float32 are the same ones; half a bin further are others.
    rounded = array.assign_coords(frequency=array["frequency"].astype(np.float32))
    np.testing.assert_array_equal(scaling.apply(rounded).values, whole.values)
    if "frequency" in per:
        with pytest.raises(
            SpecError, match=r"no statistics of frequency -3333333\.3.*; accepted: -4000000\.0, "
        ):
            scaling.apply(array.assign_coords(frequency=array["frequency"] + 4e6 / 6))
        with pytest.raises(SpecError, match="no statistics of frequency a"):
            scaling.apply(array.assign_coords(frequency=list("abcdefg")))
    if "receiver" in per:
        with pytest.raises(SpecError, match=r"no statistics of receiver sky; accepted: uav0, uav1, uav2$"):
            scaling.apply(array.assign_coords(receiver=["uav0", "sky", "uav2"]))
    # Without labels the places are all there is.
    bare = array.drop_vars(["receiver", "frequency"])
    np.testing.assert_array_equal(scaling.apply(bare).values, whole.values)
    with pytest.raises(SpecError, match=r"the axis .* has length 1; accepted: "):
        scaling.apply(bare.isel({axis: [0] for axis in per}))


def test_labels_that_are_the_same_twice_are_no_labels() -> None:
    array = named().assign_coords(receiver=["uav0", "uav0", "uav1"])
    assert fit_scaling(array, per="receiver").labels == ()
    text = fit_scaling(named(), per="receiver").model_dump_json()
    for wrong in (["uav0", "uav0", "uav1"], ["uav0"]):
        tampered = json.dumps({**json.loads(text), "labels": [wrong]})
        with pytest.raises(SpecError, match="receiver has 3 labels, none of them twice"):
            read_scaling(tampered)
    with pytest.raises(SpecError, match="labels has an entry for each axis in per"):
        read_scaling(json.dumps({**json.loads(text), "labels": [None, None]}))


def test_another_variable_or_other_units_are_refused() -> None:
    scaling = fit_scaling(named())
    with pytest.raises(
        SpecError, match=r"^scaling of power_spectrum: the variable is snr; accepted: power_spectrum; "
    ):
        scaling.apply(named().rename("snr"))
    with pytest.raises(SpecError, match=r"^scaling of power_spectrum: units are mW/Hz; accepted: dBm/Hz$"):
        scaling.apply(named("mW/Hz"))
    scaled = scaling.apply(named())
    with pytest.raises(SpecError, match="units are 1; accepted: dBm/Hz"):
        scaling.apply(scaled)  # twice
    with pytest.raises(SpecError, match="units are dBm/Hz; accepted: 1"):
        scaling.undo(named())
    # What has lost its name or attributes on the way is taken at its word.
    bare = named().rename(None).drop_attrs()
    np.testing.assert_array_equal(scaling.apply(bare).values, scaled.values)
    assert fit_scaling(bare).apply(named().drop_attrs()).shape == scaled.shape


EARLIER = """{"variable":"power_spectrum","units":"dBm/Hz","method":"z_score","split":"train","records":30,
"per":["receiver"],"lengths":[3],"centre":[-90.0,-100.0,-80.0],"spread":[1.0,5.0,9.0]}"""


def test_scalings_of_earlier_code_are_matched_by_place() -> None:
    scaling = read_scaling(EARLIER)
    assert scaling.labels == ()
    wanted = (named().values + np.array([90, 100, 80])[:, None]) / np.array([1, 5, 9])[:, None]
    for array in (variable(), named(), named().assign_coords(receiver=["a", "b", "c"])):
        got = scaling.apply(array)
        np.testing.assert_allclose(got.values, wanted, atol=1e-4)  # float32 at -100
        np.testing.assert_allclose(scaling.undo(got).values, array.values, atol=1e-4)
    assert json.loads(scaling.model_dump_json()) == json.loads(EARLIER)


def columned() -> xr.DataArray:
    """Return a variable whose columns have units of their own."""
    coords = {"statistic": ["power", "slope"], "statistic_units": ("statistic", ["dBm", "dB/ms"])}
    array = variable()[..., :2].rename(frequency="statistic").assign_coords(coords)
    return array.rename("tabular").assign_attrs(units="various")


def test_columns_that_are_scaled_have_no_units_until_they_are_scaled_back() -> None:
    array = columned()
    for per in ((), "statistic"):
        scaling = read_scaling(fit_scaling(array, per=per).model_dump_json())
        for part in (array, array.isel(statistic=[1, 0]), array.isel(statistic=1)):
            scaled = scaling.apply(part)
            assert set(np.atleast_1d(scaled["statistic_units"].values)) == {"1"} and scaled.units == "1"
            back = scaling.undo(scaled)
            assert back["statistic_units"].equals(part["statistic_units"]) and back.units == "various"
        shares = array.assign_coords(statistic_units=("statistic", ["dBFS", "dB/ms"]))
        with pytest.raises(SpecError, match=r"^scaling of tabular: units of power are dBFS; accepted: dBm$"):
            scaling.apply(shares)
    # Earlier code stored no units of columns: nobody knows them when it is scaled back.
    earlier = scaling.model_copy(update={"labels": (), "units_by": {}})
    scaled = earlier.apply(array)
    assert set(scaled["statistic_units"].values) == {"1"}
    assert "statistic_units" not in earlier.undo(scaled).coords


def test_the_axes_of_an_array_are_named_one_by_one() -> None:
    """Three records of three receivers: statistics of receivers fit both axes by their lengths."""
    scaling = fit_scaling(named(), per="receiver")
    values = named().values[:3]
    wanted = scaling.apply(named()[:3]).values
    got = scaling.apply(values, axes=("record", "receiver", "frequency"))
    np.testing.assert_array_equal(got, wanted)
    np.testing.assert_array_equal(scaling.apply(values[0, :, 0], axes="receiver"), wanted[0, :, 0])
    for axes in (("receiver", "frequency"), (), ("receiver", "receiver", "frequency"), "receiver"):
        with pytest.raises(SpecError, match=r"of the 3 axes of an array; accepted: a name for each axis"):
            scaling.apply(values, axes=axes)
    with pytest.raises(SpecError, match="there is no axis 'receiver'; accepted: record, antenna, frequency"):
        scaling.apply(values, axes=("record", "antenna", "frequency"))
    for wrong in (values.tolist(), named().to_dataset(), None):
        with pytest.raises(SpecError, match="is no array; accepted: an xarray variable, a NumPy array or a"):
            scaling.apply(wrong, axes=("record", "receiver", "frequency"))
    # One centre for all needs no names.
    assert fit_scaling(named()).apply(values).shape == values.shape
    with pytest.raises(SpecError, match="axes names record of the 3 axes"):
        fit_scaling(named()).apply(values, axes=["record"])


def test_what_cant_be_scaled_is_one_line() -> None:
    with pytest.raises(SpecError, match=r"complex64 has no median.*take abs\(\) first"):
        fit_scaling(variable().astype(np.complex64))
    with pytest.raises(SpecError, match=r"bool has no median; .*; take \.astype\(\"float32\"\) first$"):
        fit_scaling(variable() > 0)
    with pytest.raises(SpecError, match=r"<U3 has no median; accepted: real numbers$"):
        fit_scaling(variable().copy(data=np.full((50, 3, 7), "odd")))
    with pytest.raises(SpecError, match="no axis 'site'; accepted: receiver, frequency"):
        fit_scaling(variable(), per=["site"])
    with pytest.raises(
        SpecError, match=r"^scaling of power_spectrum: no method 'median'; accepted: z_score, robust$"
    ):
        fit_scaling(variable().astype(np.complex64), method="median")  # before anything else is looked at
    with pytest.raises(SpecError, match="no method 'zscore', did you mean 'z_score'"):
        fit_scaling(variable(), method="zscore")
    named = variable().assign_coords(receiver=["uav0", "uav1", "uav2"])
    with pytest.raises(SpecError, match=r"holds no finite value at receiver uav0, uav1, uav2$"):
        fit_scaling(xr.full_like(named, -np.inf), per="receiver")
    with pytest.raises(
        SpecError, match=r"no record is in the split 'dev'; accepted: train, guard, validation, test$"
    ):
        fit_scaling(variable(), split="dev")
    with pytest.raises(SpecError, match=r"split 'trian', did you mean 'train'\?; accepted: train, guard"):
        fit_scaling(variable(), split="trian", per="receiver")
    with pytest.raises(SpecError, match=r"no record is in the split 'train'$"):
        fit_scaling(variable()[:0])
    with pytest.raises(SpecError, match=r"the split 'test' holds no values$"):
        fit_scaling(variable()[..., :0], split="test")
    with pytest.raises(SpecError, match="no coordinate split"):
        fit_scaling(variable().drop_vars("split"))
    with pytest.raises(SpecError, match="the axis receiver has length 2; accepted: 3"):
        fit_scaling(variable(), per=["receiver"]).apply(variable().isel(receiver=slice(0, 2)))
