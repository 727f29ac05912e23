"""Scaling of features by statistics of the training split alone, as a value that can be stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, get_args

import numpy as np
import pandas as pd
import xarray as xr
from jaxtyping import Float
from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer, model_validator

from iqatlas.axes import RECORD
from iqatlas.errors import SpecError, nearest
from iqatlas.features import _arrays
from iqatlas.features.axis_labels import (
    Labels,
    axis_labels,
    places_of,
    units_along,
    with_units_along,
    without_units_along,
)
from iqatlas.features.centre_spread import robust, varies, z_score
from iqatlas.schema import SpecModel
from iqatlas.split_owners import own_receivers

Method = Literal["z_score", "robust"]
_METHODS: tuple[str, ...] = get_args(Method)
_NAMED = 4
_REMEDIES = {"c": "take abs() first", "b": 'take .astype("float32") first'}
_UNNAMED = "None"
"""The name of variables without one: what has always been stored of them."""
_LARGEST_SAMPLE_BYTES = 256 << 20


class Scaling(SpecModel):
    """Centre and spread of a variable, and how they were found.

    ``model_dump_json`` stores it, :func:`read_scaling` reads it back.
    """

    variable: str
    """Name of the variable."""
    units: str
    """Units of the variable, and of centre and spread."""
    method: Method
    """z_score: mean and standard deviation; robust: median and interquartile range, where there is one."""
    split: str
    """The split that the statistics are of."""
    records: Annotated[int, Field(ge=1)]
    """Records that they are of."""
    per: tuple[str, ...]
    """Axes that have statistics of their own, in order."""
    lengths: tuple[Annotated[int, Field(ge=1)], ...]
    """Lengths of these axes."""
    centre: tuple[float, ...]
    """Mean or median, the last axis fastest."""
    spread: tuple[Annotated[float, Field(gt=0)], ...]
    """Standard deviation or interquartile range, likewise; 1 where values are the same or not finite. Where
    quartiles are the same and values are not, the standard deviation."""

    labels: tuple[Labels | None, ...] = ()
    """Labels along each of these axes, by which statistics are matched; None for an axis that has none. Where
    there are none, as earlier code stored it, statistics are matched by their places."""
    units_by: dict[str, dict[str, str]] = Field(default_factory=dict)
    """Units of each label where they have units of their own: of ``statistic``, those of each column."""

    @model_validator(mode="after")
    def _whole(self) -> Scaling:
        count = math.prod(self.lengths)
        if len(self.per) != len(self.lengths) or not len(self.centre) == len(self.spread) == count:
            raise ValueError(f"centre and spread have {count} values, as lengths says")
        if self.labels and len(self.labels) != len(self.per):
            raise ValueError("labels has an entry for each axis in per")
        for axis, length, labels in zip(self.per, self.lengths, self.labels, strict=False):
            if labels is not None and not len(labels) == len(set(labels)) == length:
                raise ValueError(f"{axis} has {length} labels, none of them twice")
        return self

    @model_serializer(mode="wrap")
    def _without_what_is_empty(self, inner: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # One centre for all is stored as it always was: model cards keep their bytes.
        stored: dict[str, Any] = inner(self)
        return {key: of for key, of in stored.items() if of or key not in ("labels", "units_by")}

    def apply(self, values: Any, axes: Sequence[str] = ()) -> Any:
        """Return values less the centre, over the spread.

        Args:
            values: An xarray variable, lazy or not, whose labels say which statistics are whose; or an array
                or tensor, of which all places of an axis in ``per`` are needed, in the order of the fit.
            axes: Names of all axes of an array or tensor; none are needed where there is one centre for all.

        Raises:
            SpecError: It is another variable or has other units; an axis that has statistics of its own is
                missing, has another length, or labels that have no statistics; axes are not named one by
                one; or it is no array.
        """
        return self._scaled(values, axes, back=False)

    def undo(self, values: Any, axes: Sequence[str] = ()) -> Any:
        """Return scaled values in the units of the variable; arguments as for :meth:`apply`."""
        return self._scaled(values, axes, back=True)

    def _scaled(self, values: Any, axes: Sequence[str], *, back: bool) -> Any:
        if isinstance(values, xr.DataArray):
            self._refuse_another(values, back=back)
            names = [str(dim) for dim in values.dims]
            chosen = self._chosen(values)
        else:
            names = self._names(values, axes)
            chosen = {}
        lengths = dict(zip(names, values.shape, strict=bool(names)))
        for axis, length in zip(self.per, self.lengths, strict=True):
            if axis in chosen:
                continue
            if axis not in lengths:
                raise SpecError(f"there is no axis {axis!r}", where=self._where, accepted=", ".join(names))
            if lengths[axis] != length:
                raise SpecError(
                    f"the axis {axis} has length {lengths[axis]}", where=self._where, accepted=str(length)
                )
        centre, spread = (self._placed(numbers, names, chosen) for numbers in (self.centre, self.spread))
        if not isinstance(values, xr.DataArray):
            centre, spread = _arrays.like(centre, values), _arrays.like(spread, values)
        scaled = values * spread + centre if back else (values - centre) / spread
        if isinstance(values, xr.DataArray):
            scaled.attrs = {**values.attrs, "units": self.units if back else "1"}
            return self._with_units(scaled, back=back)
        return scaled

    @property
    def _where(self) -> str:
        return f"scaling of {self.variable}"

    def _names(self, values: Any, axes: Sequence[str]) -> list[str]:
        """Return the names of the axes of an array, seeing that they are all named."""
        if not _arrays.is_array(values):
            raise SpecError(
                f"{type(values).__name__} is no array",
                where=self._where,
                accepted="an xarray variable, a NumPy array or a tensor",
            )
        names = [axes] if isinstance(axes, str) else [str(axis) for axis in axes]
        if (names or self.per) and not len(names) == len(set(names)) == values.ndim:
            raise SpecError(
                f"axes names {', '.join(names) or 'none'} of the {values.ndim} axes of an array",
                where=self._where,
                accepted="a name for each axis, in order",
            )
        return names

    def _refuse_another(self, values: xr.DataArray, *, back: bool) -> None:
        """Refuse another variable, or units that the statistics are not of."""
        if values.name is not None and str(values.name) != self.variable != _UNNAMED:
            raise SpecError(
                f"the variable is {values.name}",
                where=self._where,
                accepted=self.variable,
                remedy=f"fit a scaling of {values.name}",
            )
        units, wanted = values.attrs.get("units"), "1" if back else self.units
        if units is not None and str(units) != wanted:
            raise SpecError(f"units are {units}", where=self._where, accepted=wanted)
        for axis, own in units_along(values).items():
            known = {} if back else self.units_by.get(axis, {})
            for label, unit in own.items():
                if known.get(label, unit) != unit:
                    raise SpecError(f"units of {label} are {unit}", where=self._where, accepted=known[label])

    def _chosen(self, values: xr.DataArray) -> dict[str, np.ndarray]:
        """Return the places of the statistics of a variable, for each axis by whose labels they are found."""
        chosen = {}
        for axis, labels in zip(self.per, self.labels, strict=False):
            asked = axis_labels(values, axis)
            if labels is None or asked is None:
                continue
            places = places_of(asked, labels)
            if (places < 0).any():
                raise SpecError(
                    f"no statistics of {axis} {asked[int(np.argmin(places))]}",
                    where=self._where,
                    accepted=_listed(labels),
                )
            # A single place that was chosen is a coordinate without an axis.
            chosen[axis] = places if axis in values.dims else places.reshape(())
        return chosen

    def _placed(
        self, numbers: tuple[float, ...], names: Sequence[str], chosen: dict[str, np.ndarray]
    ) -> Float[np.ndarray, "..."]:
        """Return statistics as float32 with an axis of length 1 where there is one for all."""
        array = np.array(numbers, np.float32).reshape(self.lengths)
        for place in reversed(range(len(self.per))):  # from the last: an axis that goes moves none before it
            if self.per[place] in chosen:
                array = array.take(chosen[self.per[place]], axis=place)
        left = [axis for axis in self.per if axis in names]
        array = array.transpose([left.index(name) for name in names if name in left])
        lengths = iter(array.shape)
        return array.reshape([next(lengths) if name in left else 1 for name in names])

    def _with_units(self, scaled: xr.DataArray, *, back: bool) -> xr.DataArray:
        """Return scaled values with the units of labels that have units of their own."""
        for axis, own in units_along(scaled).items():
            if not back:
                scaled = with_units_along(scaled, axis, dict.fromkeys(own, "1"))
            elif own.keys() <= self.units_by.get(axis, {}).keys():
                scaled = with_units_along(scaled, axis, self.units_by[axis])
            elif set(own.values()) == {"1"}:
                # Earlier code stored none, and 1 is what apply has said of scaled values.
                scaled = without_units_along(scaled, axis)
        return scaled


def read_scaling(text: str) -> Scaling:
    """Return a scaling from its JSON.

    Raises:
        SpecError: It is not the JSON of a scaling.
    """
    try:
        return Scaling.model_validate_json(text)
    except ValidationError as failure:
        error = failure.errors(include_url=False)[0]
        place = ".".join(str(part) for part in error["loc"]) or "JSON"
        raise SpecError(error["msg"].removeprefix("Value error, "), where=f"scaling: {place}") from None


def fit_scaling(
    values: xr.DataArray,
    *,
    method: Method | str = "z_score",
    per: str | Sequence[str] = (),
    split: str = "train",
) -> Scaling:
    """Return the scaling of a variable by the records of one split; no other record is read.

    Where splits are by receiver, only what the split's own receivers heard counts. Values that are not
    finite, such as the -inf dB of a silent site, are left out. What is the same in all records is centred
    and divided by 1; a place along ``per`` that holds nothing finite in the split, such as a receiver that
    is silent there, is left as it is: less 0, over 1. Medians of more than 256 MiB are those of records at
    even distances.

    Args:
        values: A real variable of a corpus with its coordinate ``split``, lazy or not.
        method: z_score or robust.
        per: Axis or axes that get statistics of their own, such as ``receiver`` or ``statistic``; none for
            one centre and one spread.
        split: Which records.

    Raises:
        SpecError: There is no such method; the variable is complex, has no split, no such axis, or nothing
            finite in the split; or it is asked for statistics of receivers that belong to other splits.
    """
    where = f"scaling of {values.name}"
    if method not in _METHODS:
        near = nearest(str(method), _METHODS)
        raise SpecError(
            f"no method {method!r}" + (f", did you mean {near!r}?" if near else ""),
            where=where,
            accepted=", ".join(_METHODS),
        )
    per = (per,) if isinstance(per, str) else tuple(per)
    if values.dtype.kind not in "fiu":
        raise SpecError(
            f"{values.dtype} has no median",
            where=where,
            accepted="real numbers",
            remedy=_REMEDIES.get(values.dtype.kind),
        )
    if "split" not in values.coords or RECORD not in values.dims:
        raise SpecError("there is no coordinate split", where=where, remedy="use a variable of open_corpus")
    free = [str(dim) for dim in values.dims if dim != RECORD]
    for axis in per:
        if axis not in free:
            raise SpecError(f"no axis {axis!r}", where=where, accepted=", ".join(free))
    _refuse_no_split(values, split, where)
    own = own_receivers(values, split) if "receiver" in free else None
    if own is not None and len(own) < values.sizes["receiver"]:
        if "receiver" in per:
            raise SpecError(
                f"some receivers are not of the split {split!r}, and it has no statistics of them",
                where=where,
                remedy="leave receiver out of per, or keep the receivers of corpus.receivers_of(split) alone",
            )
        values = values.isel(receiver=own)
    chosen = np.flatnonzero(values["split"].values == split)
    if not values.size:
        raise SpecError(f"the split {split!r} holds no values", where=where)
    per = tuple(axis for axis in free if axis in per)
    part = values.transpose(RECORD, *(axis for axis in free if axis not in per), *per)
    if method == "robust":
        a_record = max(1, part.nbytes // part.sizes[RECORD])
        chosen = chosen[:: -(-len(chosen) * a_record // _LARGEST_SAMPLE_BYTES)]
        centre, spread = robust(part, chosen, len(per))
    else:
        centre, spread = z_score(part, chosen, len(per))
    known = np.isfinite(centre)
    if not known.any():
        raise SpecError(f"the split {split!r} holds no finite value{_places(values, per)}", where=where)
    centre = np.where(known, centre, 0.0)
    spread = np.where(known & varies(spread, centre), spread, 1.0)  # what never varies stays at 0
    return Scaling(
        variable=str(values.name),
        units=str(values.attrs.get("units", "1")),
        method="robust" if method == "robust" else "z_score",
        split=split,
        records=len(chosen),
        per=per,
        lengths=centre.shape,
        centre=tuple(centre.ravel().tolist()),
        spread=tuple(spread.ravel().tolist()),
        labels=_labels(values, per),
        units_by=units_along(values),
    )


def _labels(values: xr.DataArray, per: Sequence[str]) -> tuple[Labels | None, ...]:
    """Return the labels along axes; None where they don't tell places apart."""
    found = (axis_labels(values, axis) for axis in per)
    made = tuple(labels if labels and len(set(labels)) == len(labels) else None for labels in found)
    return made if any(made) else ()


def _listed(labels: Labels) -> str:
    """Return the first labels, for a message."""
    return ", ".join(str(label) for label in labels[:_NAMED]) + (" …" if len(labels) > _NAMED else "")


def _refuse_no_split(values: xr.DataArray, split: str, where: str) -> None:
    """Refuse a split that no record is in, and tell those that there are.

    Raises:
        SpecError: No record is in it.
    """
    names = values["split"].values
    if (names == split).any():
        return
    there = [str(name) for name in pd.unique(np.asarray(names).astype(object))]
    near = nearest(str(split), there)
    raise SpecError(
        f"no record is in the split {split!r}" + (f", did you mean {near!r}?" if near else ""),
        where=where,
        accepted=", ".join(there) or None,
    )


def _places(values: xr.DataArray, per: Sequence[str]) -> str:
    """Return the names of the places along axes, for a message."""
    named = (
        f"{axis} {', '.join(str(name) for name in values[axis].values[:_NAMED])}"
        + (" …" if values.sizes[axis] > _NAMED else "")
        for axis in per
        if axis in values.coords
    )
    text = "; ".join(named)
    return f" at {text}" if text else ""
