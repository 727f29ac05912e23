"""What a data card says of the stored features: axes, units, and what each can't show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from iqatlas.features.registry import FEATURES
from iqatlas.generators.plan import Plan


def feature_rows(made: Plan) -> str:
    """Return the card's table of stored features; nothing where there are none.

    Args:
        made: Plan of the corpus.
    """
    if not made.layouts:
        return ""
    rows = []
    for name, layout in made.layouts.items():
        quantity = layout.quantity
        axes = " × ".join(f"{axis} {layout.lengths[axis]}" for axis in quantity.dims[2:])
        meaning = quantity.long_name + (f"; {quantity.comment}" if quantity.comment else "")
        rows.append(f"| `{name}` | {axes} | {quantity.units} | {meaning} |")
    others = ", ".join(f"`{name}`" for name in FEATURES if name not in made.layouts)
    table = "\n".join(rows)
    return f"""## Features

| stored beside the samples | axes of a receiver's capture | unit | what it is |
|---|---|---|---|
{table}

`corpus.features(name)` works out the others as they are read: {others or "there are none"}.

"""


def feature_limits(made: Plan) -> str:
    """Return the card's lines on what stored features can't show.

    Args:
        made: Plan of the corpus.
    """
    parts = {feature.name: part for feature, part in made.features}
    lines = [text for name, part in parts.items() if name in _LIMITS and (text := _LIMITS[name](made, part))]
    return "".join(f"- {line}\n" for line in lines)


def _spectrogram(made: Plan, part: Any) -> str:
    bins_hz = made.sample_rate_hz / part.nperseg
    return f"`spectrogram` tells apart what is {bins_hz / 1e3:.3g} kHz or {part.nperseg} samples apart."


def _subchannel_energy(made: Plan, part: Any) -> str:
    del made, part
    return "`subchannel_energy` holds what neighbouring sub-channels leak: the transform has side lobes."


def _cyclic_spectrum(made: Plan, part: Any) -> str:
    useful = made.setting.useful_symbol_samples
    words = f"`cyclic_spectrum` sees products at lags below {part.lags_below} samples alone"
    if useful is None:
        return f"{words}."
    if part.lags_below > useful:
        return f"{words}, so that it shows the cyclic prefix, {useful} samples from what it repeats."
    return (
        f"{words}: the cyclic prefix, {useful} samples from what it repeats, does not show. "
        f"`cyclic_autocorrelation` has it, or {part.channels_beyond(useful)} `channels`."
    )


def _cyclic_autocorrelation(made: Plan, part: Any) -> str:
    del part
    samples = made.setting.samples
    return (
        f"`cyclic_autocorrelation` is of {samples} samples: lines nearer than "
        f"{made.sample_rate_hz / samples / 1e3:.3g} kHz are one, and noise leaves a floor that falls as "
        "captures get longer."
    )


def _wavelet(made: Plan, part: Any) -> str:
    del made, part
    return "`wavelet` takes what looks like noise for noise: signals below the noise are taken out with it."


def _tabular(made: Plan, part: Any) -> str:
    del made
    if part.duty_threshold_db is not None:
        level = f"{part.duty_threshold_db:g} dB"
        return f"`tabular` counts a segment as busy from {level} above its capture's floor on."
    return (
        f"`tabular` counts a segment of noise as busy with a probability of {part.duty_false_alarm:g}. Where "
        "all sub-channels are busy and no bin outside them tells the floor, none counts as busy."
    )


_LIMITS: dict[str, Callable[[Plan, Any], str]] = {
    "spectrogram": _spectrogram,
    "subchannel_energy": _subchannel_energy,
    "cyclic_spectrum": _cyclic_spectrum,
    "cyclic_autocorrelation": _cyclic_autocorrelation,
    "wavelet": _wavelet,
    "tabular": _tabular,
}
