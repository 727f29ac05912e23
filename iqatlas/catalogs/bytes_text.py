"""Sizes in words."""

from __future__ import annotations


def bytes_text(count: int) -> str:
    """Return a number of bytes as a person reads it.

    Args:
        count: Bytes.
    """
    value = float(count)
    if value < 1000:
        return f"{value:.0f} B"
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000:
            return f"{value:,.1f} {unit}"
    return f"{value / 1000:,.1f} TB"
