"""Every public name says what it is for; public functions of arrays say shapes and units.

Shapes stand in signatures (jaxtyping), units in names or docstrings. The package is read, not imported.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import iqatlas

PACKAGE = Path(iqatlas.__file__).parent
ARRAYS = re.compile(r"\b(np\.ndarray|ndarray|NDArray)\b")
SHAPED = re.compile(r"\b(Bool|Int\d+|UInt\d+|Float\d*|Complex\d*|Shaped|Num|Inexact|Integer|Real)\[")
HEART = ("channels", "detectors", "features", "occupancy", "raytracing", "waveforms")
"""Folders whose functions take and give arrays of samples, paths and states."""
UNIT = re.compile(
    r"_(hz|s|ms|m|db|dbm|deg|rad|mw|mps|ppm|samples)\b|√mW|steps of"
    r"|\b(Hz|dB|dBm|mW|metres|per second|samples?|degrees|rad|radians|wavelengths|slots)\b"
)
NO_UNIT = re.compile(
    r"\b(any (unit|scale)|bins?|coefficients?|correlation|factors?|gains?|measure|moments?|numbers? of"
    r"|occupancy|p01|powers?|probabilit\w+|ratio|sequence|shares?|spectra|spectrum|symbols?|taper"
    r"|unit (magnitude|power|vectors)|weights?|window)\b|e\^|each port sends",
    re.IGNORECASE,
)
"""Words for what has no unit, or the unit of what is put in."""


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    return tuple(
        (
            path.relative_to(PACKAGE.parent).with_suffix("").as_posix().replace("/", "."),
            ast.parse(path.read_bytes()),
        )
        for path in sorted(PACKAGE.rglob("*.py"))
        if not any(part.startswith("_") and part != "__init__.py" for part in path.relative_to(PACKAGE).parts)
    )


def public(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """Give public functions, classes and methods by their full names."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield f"{prefix}.{node.name}", node
            if isinstance(node, ast.ClassDef):
                yield from public(node.body, f"{prefix}.{node.name}")


NAMES = [found for module, tree in modules() for found in public(tree.body, module)]
FUNCTIONS = [(name, node) for name, node in NAMES if isinstance(node, ast.FunctionDef)]


def _annotations(node: ast.FunctionDef) -> list[str]:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    given = [argument.annotation for argument in arguments if argument.annotation]
    return [ast.unparse(annotation) for annotation in [*given, *([node.returns] if node.returns else [])]]


def test_there_is_something_to_check() -> None:
    assert len(modules()) > 100
    assert len(NAMES) > 500


def test_every_module_and_public_name_says_what_it_is_for() -> None:
    silent = [module for module, tree in modules() if not ast.get_docstring(tree)]
    silent += [name for name, node in NAMES if not ast.get_docstring(node) and not _overrides(name, node)]
    assert silent == []


def _overrides(name: str, node: ast.FunctionDef | ast.ClassDef) -> bool:
    """Tell whether a method is described by the class that it comes from."""
    parts = name.split(".")
    if len(parts) < 4 or not parts[-2][:1].isupper():
        return False
    kind = getattr(importlib.import_module(".".join(parts[:-2])), parts[-2])
    return bool(inspect.getdoc(getattr(kind, node.name)))


@pytest.mark.parametrize("name", [name for name in iqatlas.__all__ if not name.startswith("_")])
def test_what_is_offered_at_the_top_says_arguments_and_errors(name: str) -> None:
    value = getattr(iqatlas, name)
    text = inspect.getdoc(value) or ""
    assert text.partition("\n")[0].endswith(".")
    if not inspect.isclass(value):
        assert "Args:" in text and "Raises:" in text
        for argument in inspect.signature(value).parameters:
            assert re.search(rf"^ +{argument}:", text, re.MULTILINE), argument


def _of_the_heart() -> list[tuple[str, ast.FunctionDef]]:
    return [(name, node) for name, node in FUNCTIONS if name.split(".")[1] in HEART]


def test_arrays_in_public_signatures_have_shapes() -> None:
    """Every array of a signature has its axes, but for mappings of arrays by name."""
    bare = [
        name
        for name, node in _of_the_heart()
        if any(
            ARRAYS.search(text) and not SHAPED.search(text) and not re.search(r"dict\[str|Mapping\[str", text)
            for text in _annotations(node)
        )
    ]
    assert bare == []


def test_functions_of_real_or_complex_arrays_say_units() -> None:
    """In names or in words: a number without a unit is a ratio, a probability, or said to have any."""
    silent = []
    for name, node in _of_the_heart():
        takes_numbers = any(re.search(r"\b(Float|Complex)\d*\[", text) for text in _annotations(node))
        arguments = " ".join(arg.arg for arg in [*node.args.args, *node.args.kwonlyargs])
        said = " ".join([node.name, arguments, ast.get_docstring(node) or ""])
        if (
            takes_numbers
            and not UNIT.search(said)
            and not NO_UNIT.search(said)
            and not _overrides(name, node)
        ):
            silent.append(name)
    assert silent == []
