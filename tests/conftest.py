"""What all tests share: real map and cell data, a small corpus, and shapes checked at run time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, runtime_checkable

import pytest
from jaxtyping import install_import_hook
from pydantic import SerializerFunctionWrapHandler

if TYPE_CHECKING:
    from iqatlas import Corpus, CorpusSpec

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


@pytest.fixture(scope="session")
def small_spec() -> CorpusSpec:
    """Return the spec of the small corpus: the bundled city without a ray tracer, 160 records."""
    from iqatlas import CorpusSpec

    return CorpusSpec.from_tree(
        {
            "name": "small",
            "raytracing": {"kind": "free_space"},
            "capture": {"slots": 80, "snr_db": [0, 20], "samples": 256},
        }
    )


@pytest.fixture(scope="session")
def small_corpus(small_spec: CorpusSpec, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a finished corpus in several shards. It is shared: copy it before you change a file."""
    from iqatlas import generate

    with pytest.MonkeyPatch.context() as patch:
        # Blocks of 8 records in place of a thousand: seven shards, the last one not full.
        patch.setattr("iqatlas.generators.plan._BLOCK_SAMPLES", 1 << 13)
        return generate(small_spec, tmp_path_factory.mktemp("corpora") / "small")
