"""The pages of the API: a folder of the package a page, a module a section, from the docstrings."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import iqatlas

PACKAGE = Path(iqatlas.__file__).parent
LEFT_OUT = {"cli", "__main__"}
"""What is described by the page of the command line."""


def api_pages() -> dict[str, str]:
    """Return the pages by name, in Markdown with a mark for each module."""
    groups: dict[str, list[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        if parts[0] in LEFT_OUT or any(part.startswith("_") for part in parts) or not _public_names(path):
            continue
        groups.setdefault(parts[0] if len(parts) > 1 else "foundation", []).append(
            ".".join(("iqatlas", *parts))
        )
    return {"index": _index(sorted(groups)), **{name: _page(name, mods) for name, mods in groups.items()}}


def _index(groups: list[str]) -> str:
    listed = ", ".join(f"[{name}]({name}.md)" for name in groups)
    rows = "\n".join(_offered(name) for name in iqatlas.__all__ if not name.startswith("_"))
    return (
        f"# The API\n\nWhat `import iqatlas` offers:\n\n| | |\n|---|---|\n{rows}\n\n"
        f"The modules behind it, folder by folder, imports going down only: {listed}. Names with a leading "
        "underscore may change.\n"
    )


def _offered(name: str) -> str:
    """Return a row of the table of names: a link to where one is described, and its purpose."""
    value = getattr(iqatlas, name)
    purpose = (inspect.getdoc(value) or "").partition("\n")[0]
    return f"| [`iqatlas.{name}`][{value.__module__}.{name}] | {purpose} |"


def _page(name: str, modules: list[str]) -> str:
    title = name.capitalize()
    text = (
        _first_line(PACKAGE / name / "__init__.py") if name != "foundation" else "What everything stands on."
    )
    marks = "\n\n".join(
        f"::: {module}\n    options:\n      show_root_toc_entry: true\n      heading_level: 2"
        for module in modules
    )
    return f"# {title}\n\n{text}\n\n{marks}\n"


def _first_line(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def _public_names(path: Path) -> list[str]:
    body = ast.parse(path.read_text(encoding="utf-8")).body
    kinds = (ast.FunctionDef, ast.ClassDef)
    return [node.name for node in body if isinstance(node, kinds) and not node.name.startswith("_")]
