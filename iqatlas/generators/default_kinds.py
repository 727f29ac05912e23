"""The kind of a part that a spec leaves out: its default's, where the default knows all the keys given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel


def fill_default_kinds(model: type[BaseModel], tree: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a tree in which parts that have kinds and name none are of their default's kind.

    ``raytracing: {max_reflections: 3}`` is enough then. A part with a key that its default kind doesn't know
    is left as it is, for the error to list the kinds.

    Args:
        model: Model of the tree.
        tree: What a user asked for; it stays as it is.
    """
    filled: dict[Any, Any] = dict(tree)
    for name, part in tree.items():
        field = model.model_fields.get(name) if isinstance(name, str) else None
        default = field.default if field is not None else None
        if not isinstance(default, BaseModel) or not isinstance(part, Mapping):
            continue
        kinds = type(default).model_fields
        if "kind" not in kinds:
            filled[name] = fill_default_kinds(type(default), part)
        elif part.keys() <= kinds.keys() - {"kind"}:
            filled[name] = {"kind": getattr(default, "kind", None), **fill_default_kinds(type(default), part)}
    return filled
