"""What a feature is: a name, a spec, the axes of what it stores, and how that is worked out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from iqatlas.axes import RECORD, Quantity
from iqatlas.features.setting import CaptureSetting
from iqatlas.schema import SpecModel

BEFORE = (RECORD, "receiver")
"""Axes that every feature begins with."""


@dataclass(frozen=True, eq=False)
class Layout:
    """The array that a feature gives.

    Args:
        quantity: Axes, type, units and meaning.
        lengths: Length of each axis after record and receiver.
        coordinates: Coordinates on these axes: what each is, and its values.
        earlier: What earlier code stored for the same spec, told apart by the comment of the quantity.
        remade: Whether today's code gives the stored values again.
    """

    quantity: Quantity
    lengths: Mapping[str, int]
    coordinates: Mapping[str, tuple[Quantity, np.ndarray]] = field(default_factory=dict)
    earlier: tuple[Layout, ...] = ()
    remade: bool = True


@dataclass(frozen=True)
class Feature:
    """A feature that can be stored in a corpus, or worked out from one.

    Args:
        name: Its key in ``features:`` of a spec, and the name of its array.
        spec: What it can be asked for.
        layout: Axes, units and coordinates of what it gives; raises SpecError where captures don't allow it.
        compute: Works it out: samples in √mW on any leading axes and ``sample``; the feature's axes follow
            the leading ones. The same samples in the same order give the same bytes.
        smaller: Given its spec, the captures, and the most bytes that it may take of one, tells which key
            below its own makes it large, and what would fit.
        engine: Says what works it out on this machine, where that can differ; the manifest keeps it.
    """

    name: str
    spec: type[SpecModel]
    layout: Callable[[Any, CaptureSetting], Layout]
    compute: Callable[[Any, Any, CaptureSetting], Any]
    smaller: Callable[[Any, CaptureSetting, int], tuple[str, str]] | None = None
    engine: Callable[[], str] | None = None
