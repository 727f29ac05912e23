"""The time that a command may take, as ``--budget`` gives it."""

from __future__ import annotations

import re

from iqatlas.errors import SpecError

_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def budget_seconds(text: str) -> float:
    """Return a time such as 90s, 10m or 1h in seconds.

    Args:
        text: A number and its unit: s, m, min or h; seconds without one.

    Raises:
        SpecError: It is no such time, or none at all.
    """
    # Digits are bounded, so that a float holds them.
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)\s*(s|m|min|h|)", text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not seconds:
        raise SpecError(f"{text!r} is no time", where="--budget", accepted="90s, 10m or 1h")
    return seconds
