"""Longitude and latitude as a spec takes them (WGS 84, degrees), and how far from the scene they may be."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]

REACH_M = 100_000.0
"""Farthest that anything may be from the scene: LTE's cells reach up to 100 km (TR 25.913)."""
