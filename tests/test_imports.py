"""`import iqatlas` loads next to nothing, and offers what it says."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from functools import cache

import pytest

import iqatlas

HEAVY = (
    "numpy",
    "scipy",
    "pandas",
    "torch",
    "sionna",
    "mitsuba",
    "drjit",
    "matplotlib",
    "zarr",
    "xarray",
    "dask",
    "shapely",
    "geopandas",
    "pyproj",
    "pyarrow",
    "osmium",
    "typer",
    "rich",
    "pydantic",
    "yaml",
    "jaxtyping",
)

LOADED = """
import json, sys
known = set(sys.modules)
{statement}
print(json.dumps(sorted(set(sys.modules) - known)))
"""


@cache
def _after(statement: str) -> frozenset[str]:
    """Return the modules that a statement loads in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", LOADED.format(statement=statement)],
        check=True,
        capture_output=True,
        text=True,
    )
    return frozenset(json.loads(done.stdout))


def packages(modules: frozenset[str]) -> set[str]:
    """Return the packages that modules belong to."""
    return {name.partition(".")[0] for name in modules}


def test_importing_is_quick() -> None:
    """Its own door and a few small modules of Python itself: some thirty, a hundredth of a second."""
    loaded = _after("import iqatlas")
    assert packages(loaded) - sys.stdlib_module_names == {"iqatlas"}
    assert len(loaded) < 60


@pytest.mark.parametrize("library", HEAVY)
def test_importing_loads_nothing_heavy(library: str) -> None:
    loaded = packages(_after("import iqatlas"))
    assert "iqatlas" in loaded
    assert library not in loaded


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        (
            "from iqatlas import open_corpus",
            ("torch", "mitsuba", "sionna", "matplotlib", "geopandas", "typer"),
        ),
        ("from iqatlas import CorpusSpec", ("torch", "mitsuba", "sionna", "matplotlib", "zarr", "typer")),
        ("from iqatlas import plan", ("torch", "mitsuba", "sionna", "matplotlib", "zarr", "typer")),
        ("from iqatlas import generate", ("torch", "mitsuba", "sionna", "matplotlib", "typer")),
        ("import iqatlas.cli", ("torch", "mitsuba", "sionna", "matplotlib", "zarr", "xarray")),
    ],
)
def test_each_part_loads_what_it_needs_alone(statement: str, absent: tuple[str, ...]) -> None:
    assert not packages(_after(statement)) & set(absent)


def test_every_name_that_is_offered_is_there() -> None:
    assert sorted(iqatlas.__all__) == iqatlas.__all__
    for name in iqatlas.__all__:
        assert getattr(iqatlas, name) is not None
    assert dir(iqatlas) == sorted(iqatlas.__all__)
    assert {"generate", "open_corpus", "plan", "CorpusSpec", "Corpus"} <= set(iqatlas.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'iqatlas' has no attribute 'generat'"):
        _ = iqatlas.generat  # type: ignore[attr-defined]
    with pytest.raises(ImportError):
        importlib.import_module("iqatlas.generat")


def test_importing_changes_nothing_around_it() -> None:
    statement = (
        "import os, random, warnings, locale\n"
        "around = lambda: (dict(os.environ), random.getstate(), list(warnings.filters), os.getcwd())\n"
        "before = around()\n"
        "import iqatlas\n"
        "assert around() == before"
    )
    _after(statement)
