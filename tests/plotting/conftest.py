"""Here pictures are what is looked at: they are drawn."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture(autouse=True)
def _drawn(draw_pictures: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch) -> None:
    draw_pictures(monkeypatch)
