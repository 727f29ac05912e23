"""What is released: a wheel with the bundled city and the mark of types, without tests; one version."""

from __future__ import annotations

import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import iqatlas

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return wheel and sdist, built by the back end itself: no network, no environment of their own."""
    wheel = pytest.importorskip("hatchling.builders.wheel").WheelBuilder
    sdist = pytest.importorskip("hatchling.builders.sdist").SdistBuilder
    folder = str(tmp_path_factory.mktemp("dist"))
    first, second = (
        next(iter(builder(str(ROOT)).build(directory=folder, versions=["standard"])))
        for builder in (wheel, sdist)
    )
    return Path(first), Path(second)


def test_the_wheel_holds_the_package_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[0]) as wheel:
        names = wheel.namelist()
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert "iqatlas = iqatlas.cli:main" in wheel.read(entry).decode()
        metadata = Parser().parsestr(wheel.read(next(n for n in names if n.endswith("METADATA"))).decode())
        assert wheel.getinfo("iqatlas/scenes/data/helsinki.osm.pbf").file_size > 50_000
    assert metadata["Version"] == iqatlas.__version__
    assert "iqatlas/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    tops = {name.partition("/")[0] for name in names}
    assert tops == {"iqatlas", f"iqatlas-{iqatlas.__version__}.dist-info"}
    assert not [name for name in names if "test" in name.lower().split("/")[-1] or "__pycache__" in name]
    modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / "iqatlas").rglob("*.py")}
    assert modules <= set(names)


def test_the_sdist_holds_what_a_build_and_the_tests_want(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[1]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for wanted in (
        "pyproject.toml",
        "README.md",
        "iqatlas/py.typed",
        "tests/conftest.py",
        "mkdocs.yml",
        "docs/index.md",
    ):
        assert wanted in names
    assert not [name for name in names if name.startswith((".venv", "build/", "dist/"))]
