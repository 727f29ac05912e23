"""``--set``: values that replace those of a spec, by what the spec's models know of their keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel

from iqatlas.generators.plain_yaml import read_override, replaced
from iqatlas.spec_errors import kinds_of, models_below


def apply_overrides(
    root: type[BaseModel], tree: Mapping[Any, Any], overrides: Sequence[str], *, tell: Callable[[str], None]
) -> dict[Any, Any]:
    """Return a tree with values replaced; the tree that is given stays as it is.

    A new ``kind`` drops the keys of the old one that it doesn't know, and says so; of several for one part
    the last alone counts. ``null`` removes a key that can't be null, so that its default holds.

    Args:
        root: Model of the tree.
        tree: What a spec file holds.
        overrides: ``key.key=value`` each, the value in YAML; later ones win.
        tell: Is given a line for each part that lost keys.

    Raises:
        SpecError: An override is not of this form.
    """
    asked = [read_override(override) for override in overrides]
    changed = dict(tree)
    # First of all: what stands in the file gives way to a new kind, what is typed beside it does not.
    for part, kind in _new_kinds(asked).items():
        changed = _without_strangers(root, changed, part, kind, tell)
    for keys, value in asked:
        if value is None and _is_never_null(root, changed, keys):
            changed = _without(changed, keys)
        else:
            changed = replaced(changed, keys, value)
    return changed


def _new_kinds(asked: Sequence[tuple[Sequence[str], object]]) -> dict[tuple[str, ...], str]:
    """Return the kind that each part is set to in the end, without parts that are replaced whole."""
    last = {tuple(keys[:-1]): value for keys, value in asked if keys[-1] == "kind"}
    return {
        part: kind
        for part, kind in last.items()
        if isinstance(kind, str) and not any(tuple(keys) == part[: len(keys)] for keys, _ in asked)
    }


def _without_strangers(
    root: type[BaseModel],
    tree: dict[Any, Any],
    keys: Sequence[str],
    kind: str,
    tell: Callable[[str], None],
) -> dict[Any, Any]:
    part = _at(tree, keys)
    variants = _models_at(root, keys)
    new = next((model for model in variants if kind in kinds_of(model)), None)
    if new is None or not isinstance(part, Mapping) or part.get("kind") == kind:
        return tree
    # A key that no kind knows is misspelt: it stays, to be told.
    known = {name for model in variants for name in model.model_fields}
    dropped = [key for key in part if key in known and key not in new.model_fields]
    if not dropped:
        return tree
    place = ".".join(keys)
    tell(f"{place}.kind={kind} leaves out what that kind doesn't know: {place}.{{{', '.join(dropped)}}}")
    return replaced(tree, keys, {key: value for key, value in part.items() if key not in dropped})


def _is_never_null(root: type[BaseModel], tree: Mapping[Any, Any], keys: Sequence[str]) -> bool:
    owners = _models_at(root, keys[:-1])
    part = _at(tree, keys[:-1])
    kind = part.get("kind") if isinstance(part, Mapping) else None
    owners = [model for model in owners if kind in kinds_of(model)] or owners
    fields = [model.model_fields[keys[-1]] for model in owners if keys[-1] in model.model_fields]
    return bool(fields) and not any(_takes_none(field.annotation) for field in fields)


def _takes_none(annotation: Any) -> bool:
    return annotation is NoneType or any(_takes_none(inner) for inner in get_args(annotation))


def _models_at(root: type[BaseModel], keys: Sequence[str]) -> list[type[BaseModel]]:
    models: list[type[BaseModel]] = [root]
    for key in keys:
        models = list(models_below(models, key))
    return models


def _at(tree: Mapping[Any, Any], keys: Sequence[str]) -> object:
    part: object = tree
    for key in keys:
        part = part.get(key) if isinstance(part, Mapping) else None
    return part


def _without(tree: Mapping[Any, Any], keys: Sequence[str]) -> dict[Any, Any]:
    part = _at(tree, keys[:-1])
    if not isinstance(part, Mapping) or keys[-1] not in part:
        return dict(tree)
    rest = {key: value for key, value in part.items() if key != keys[-1]}
    return replaced(tree, keys[:-1], rest) if len(keys) > 1 else rest
