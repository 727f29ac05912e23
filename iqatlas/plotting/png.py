"""Figures as PNG: the same figure gives the same bytes, with any version of what draws it named nowhere."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure

_UNSIGNED = {"Software": None}


def png_bytes(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata=_UNSIGNED)
    return picture.getvalue()


def write_png(figure: Figure, file: Path) -> None:
    """Write a figure as a PNG file, and the folder that it is to lie in where there is none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, format="png", metadata=_UNSIGNED)
