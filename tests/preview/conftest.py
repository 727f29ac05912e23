"""The page of the small corpus, and what stands in it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from iqatlas import Corpus, open_corpus
from iqatlas.preview.page import preview_page


@pytest.fixture(scope="session")
def page(small_corpus: Corpus) -> str:
    """Return the page of the small corpus."""
    return preview_page(small_corpus).decode()


@pytest.fixture(scope="session")
def page_data(page: str) -> dict[str, Any]:
    """Return the data that stand in the page."""
    return data_in(page)


@pytest.fixture(scope="session")
def data_in_page() -> Callable[[str], dict[str, Any]]:
    """Give a function that reads the data of a page."""
    return data_in


def data_in(page: str) -> dict[str, Any]:
    found = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert len(found) == 1
    data: dict[str, Any] = json.loads(found[0])
    return data


@pytest.fixture
def copied(small_corpus: Corpus, tmp_path: Path) -> Callable[..., Corpus]:
    """Give a function that copies the small corpus with a manifest of other content."""

    def copy(**changes: Any) -> Corpus:
        folder = tmp_path / "copied"
        shutil.copytree(small_corpus.path, folder)
        manifest = small_corpus.manifest.model_copy(update=changes)
        (folder / "manifest.json").write_bytes(manifest.serialise())
        return open_corpus(folder)

    return copy
