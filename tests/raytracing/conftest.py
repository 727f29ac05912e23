"""What the ray-tracing tests share."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def scattered_m() -> np.ndarray:
    """Return receiver positions [receiver, 3] that are all over the place, up to 5 km away."""
    rng = np.random.default_rng(11)
    return np.column_stack([rng.uniform(-3500, 3500, (12, 2)), rng.uniform(20, 300, 12)])


@pytest.fixture(autouse=True)
def cache_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test an empty cache, and return its folder."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("IQATLAS_CACHE_DIR", str(folder))
    return folder
