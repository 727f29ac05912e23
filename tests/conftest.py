"""What all tests share: the folder of real map and cell data, and shapes checked at run time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import runtime_checkable

import pytest
from jaxtyping import install_import_hook
from pydantic import SerializerFunctionWrapHandler

# Shapes and types of annotated functions are checked in the tests only, at no cost in production.
install_import_hook("iqatlas", "beartype.beartype")
# A protocol of pydantic's that stands in signatures can be checked once isinstance accepts it.
runtime_checkable(SerializerFunctionWrapHandler)


@pytest.fixture(scope="session", autouse=True)
def _no_cache_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep caches in a folder of the tests' own: what the user has there is not theirs to find or fill."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IQATLAS_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder with the real OSM extracts and cell databases."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        raise FileNotFoundError(f"the test data is expected at {folder}")
    return folder
