"""Names in docstrings, written as in Sphinx (``:func:`iqatlas.seeds.key```), as links of this manual."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:func|class|meth|mod|attr|data):`~?([^`]+)`")


class DocstringRoles(griffe.Extension):
    """Turn roles into links where a public name of the package is meant, and into code elsewhere."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object."""
        if obj.docstring is not None:
            obj.docstring.value = _ROLE.sub(_linked, obj.docstring.value)


def _linked(match: re.Match[str]) -> str:
    name = match[1]
    is_public = name.startswith("iqatlas.") and "._" not in name
    return f"[`{name}`][{name}]" if is_public else f"`{name}`"
