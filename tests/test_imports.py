"""`import iqatlas` is quick, loads nothing heavy, and offers what it says."""

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

MEASURE = """
import json, sys, time
start = time.perf_counter()
{statement}
print(json.dumps([time.perf_counter() - start, sorted(sys.modules)]))
"""


@cache
def _after(statement: str) -> tuple[float, frozenset[str]]:
    """Return the seconds that a statement takes in a fresh interpreter, and what is loaded then."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(statement=statement)],
        check=True,
        capture_output=True,
        text=True,
    )
    seconds, modules = json.loads(done.stdout)
    return seconds, frozenset(name.partition(".")[0] for name in modules)


def test_importing_is_quick() -> None:
    # The best of five: whatever else the machine does only ever makes it slower.
    seconds = min(_after.__wrapped__("import iqatlas")[0] for _ in range(5))
    assert seconds < 0.3


@pytest.mark.parametrize("library", HEAVY)
def test_importing_loads_nothing_heavy(library: str) -> None:
    _, loaded = _after("import iqatlas")
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
    _, loaded = _after(statement)
    assert not loaded & set(absent)


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
