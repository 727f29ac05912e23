"""What all tests share: the folder of real map and cell data, and shapes checked at run time."""

from __future__ import annotations

from pathlib import Path
from typing import runtime_checkable

import pytest
from jaxtyping import install_import_hook
from pydantic import SerializerFunctionWrapHandler

# Shapes and types of annotated functions are checked in the tests only, at no cost in production.
install_import_hook("iqatlas", "beartype.beartype")
# A protocol of pydantic's that stands in signatures can be checked once isinstance accepts it.
runtime_checkable(SerializerFunctionWrapHandler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Return the folder with the real OSM extracts and cell databases."""
    folder = Path(__file__).parents[1].parent / "shared" / "data"
    if not folder.is_dir():
        raise FileNotFoundError(f"the test data is expected at {folder}")
    return folder
