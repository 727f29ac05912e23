"""Colours that all pictures have in common."""

from __future__ import annotations

INK = "#22303c"
"""Of text and thin lines."""
SITE_COLOURS = ("#c8384f", "#00798c", "#d98a00", "#7a4fa3", "#2e8b57", "#8c5a2b")
"""Of the sites in their order, over again from the seventh on."""
