"""Paths as users write them."""

from __future__ import annotations

from pathlib import Path

import pytest

from iqatlas.user_paths import user_path


def test_a_tilde_at_the_beginning_is_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert user_path("~/city") == tmp_path / "city"
    assert user_path(Path("~")) == tmp_path
    for other in ("city", "a/~/city", "city~", "/~/city"):
        assert user_path(other) == Path(other)


def test_nobodys_home_stands_for_itself() -> None:
    assert user_path("~nobody-of-this-name/city") == Path("~nobody-of-this-name/city")
