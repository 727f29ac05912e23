"""Scaling by the training split: its figures are NumPy's, and no other record has a say."""

from __future__ import annotations

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
    monkeypatch.setattr("iqatlas.features.scaling._AT_ONCE_BYTES", 600)  # seven records at once
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
        "iqatlas.features.scaling._AT_ONCE_BYTES", 600
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


def test_what_cant_be_scaled_is_one_line() -> None:
    with pytest.raises(SpecError, match=r"complex64 has no median.*take abs\(\) first"):
        fit_scaling(variable().astype(np.complex64))
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
    with pytest.raises(SpecError, match="no record is in the split 'dev'"):
        fit_scaling(variable(), split="dev")
    with pytest.raises(SpecError, match="no coordinate split"):
        fit_scaling(variable().drop_vars("split"))
    with pytest.raises(SpecError, match="the axis receiver has length 2; accepted: 3"):
        fit_scaling(variable(), per=["receiver"]).apply(variable().isel(receiver=slice(0, 2)))
