"""The page of the gallery: each script with its picture, from the scripts themselves."""

from __future__ import annotations

import ast
from pathlib import Path

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"

_INTRODUCTION = """\
# Gallery

Ten scripts, each ending in a picture: `python docs/gallery/NAME.py [MAP] -o picture.png`. They run in the
tests on smaller settings; the pictures are what they draw by default.
"""


def gallery_page() -> str:
    """Return the page, in Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(path) for path in sorted(GALLERY.glob("[0-9]*.py")))])


def _section(path: Path) -> str:
    source = path.read_text(encoding="utf-8")
    docstring = ast.get_docstring(ast.parse(source)) or ""
    title, _, text = docstring.partition("\n\n")
    code = source.split('"""', 2)[2].strip()
    return (
        f"## {title.rstrip('.')}\n\n{text}\n\n![{title}](images/{path.stem}.png)\n\n"
        f'??? note "{path.name}"\n\n'
        + "".join(f"    {line}\n" for line in ["```python", *code.split("\n"), "```"])
    )
