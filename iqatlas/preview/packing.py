"""Arrays as text inside a page: quantised to a byte, or as small integers, in base64."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import numpy as np
from jaxtyping import Float, Int

MISSING = 255
"""The byte of a value that is not a number; others are 0 to 254."""
STEPS = 254


def packed_levels(values: Float[np.ndarray, "..."], low: float, high: float) -> dict[str, Any]:
    """Return levels as bytes: 0 is ``low`` or less, 254 is ``high`` or more, 255 is no number.

    Args:
        values: Levels in dB, of any shape.
        low, high: The range that is kept; a step is (high − low)/254.
    """
    span = max(high - low, 1e-9)
    with np.errstate(invalid="ignore"):
        steps = np.clip(np.round((values - low) / span * STEPS), 0, STEPS)
    bytes_ = np.where(np.isnan(values), MISSING, steps).astype(np.uint8)
    return {
        "shape": list(values.shape),
        "low": round(float(low), 3),
        "high": round(float(low + span), 3),
        "u8": base64.b64encode(bytes_.tobytes()).decode(),
    }


def packed_integers(values: Int[np.ndarray, "..."], kind: str) -> dict[str, Any]:
    """Return integers as little-endian bytes.

    Args:
        values: Integers that fit the kind.
        kind: ``u8``, ``i16``, ``u16`` or ``u32``.
    """
    form = {"u8": "<u1", "i16": "<i2", "u16": "<u2", "u32": "<u4"}[kind]
    return {"shape": list(values.shape), kind: base64.b64encode(values.astype(form).tobytes()).decode()}


def unpacked_levels(packed: dict[str, Any]) -> Float[np.ndarray, "..."]:
    """Return the levels that :func:`packed_levels` packed, as far as a byte keeps them."""
    steps = np.frombuffer(base64.b64decode(packed["u8"]), np.uint8).reshape(packed["shape"])
    levels = packed["low"] + steps / STEPS * (packed["high"] - packed["low"])
    return np.where(steps == MISSING, np.nan, levels)


def numbers(values: np.ndarray, digits: int) -> Any:
    """Return an array as nested lists of rounded numbers; None for what is not finite.

    Args:
        values: Real numbers.
        digits: Decimals that are kept.
    """
    rounded = np.round(np.asarray(values, np.float64), digits) + 0.0
    told = np.array(rounded, dtype=object)
    told[~np.isfinite(rounded)] = None
    return told.tolist()


def script_json(data: Any) -> str:
    """Return JSON that may stand inside a script element: nothing in it can end the element.

    Args:
        data: What JSON can hold; no NaN.
    """
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    # Half a surrogate pair has no UTF-8; as an escape it is harmless.
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04x}", text)
