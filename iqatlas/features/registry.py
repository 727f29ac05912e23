"""All features: the one list that specs, plans, shards, checks and readers go by.

A new feature is a file with a ``FEATURE``, a line here, and a key in
:class:`iqatlas.features.spec.FeaturesSpec`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from iqatlas.errors import SpecError, nearest
from iqatlas.features import (
    cyclic_autocorrelation,
    cyclic_spectrum_feature,
    power_spectrum,
    spectrogram,
    subchannel_energy,
    tabular,
    wavelet,
)
from iqatlas.features.feature import Feature
from iqatlas.features.spec import FeaturesSpec
from iqatlas.schema import SpecModel
from iqatlas.spec_errors import spec_error

FEATURES: dict[str, Feature] = {
    module.FEATURE.name: module.FEATURE
    for module in (
        spectrogram,
        power_spectrum,
        subchannel_energy,
        cyclic_spectrum_feature,
        cyclic_autocorrelation,
        wavelet,
        tabular,
    )
}
"""By name, in the order in which they are stored."""


def asked_for(spec: FeaturesSpec) -> tuple[tuple[Feature, SpecModel], ...]:
    """Return the features that a spec asks for, each with its own part of it."""
    parts = ((feature, getattr(spec, name)) for name, feature in FEATURES.items())
    return tuple((feature, part) for feature, part in parts if part is not None)


def feature_with(name: str, options: Mapping[str, Any]) -> tuple[Feature, SpecModel]:
    """Return a feature by name, and its spec with options.

    Args:
        name: Its key in ``features:`` of a spec.
        options: What stands below that key; what is left out has defaults.

    Raises:
        SpecError: There is no such feature, or it doesn't take these options.
    """
    if name not in FEATURES:
        near = nearest(name, FEATURES)
        raise SpecError(
            f"no feature {name!r}" + (f", did you mean {near!r}?" if near else ""),
            accepted=", ".join(FEATURES),
        )
    feature = FEATURES[name]
    try:
        return feature, feature.spec.model_validate(dict(options))
    except ValidationError as failure:
        raise spec_error(feature.spec, failure, f"features.{name}", between=".") from None
