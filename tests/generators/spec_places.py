"""Every place of a spec where a key may stand, found by walking its models."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel

from iqatlas import CorpusSpec

Wrap = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Place:
    """A model at a place of the spec.

    Args:
        path: Keys on the way, with the kinds of variants in brackets.
        wrap: Makes a whole spec of the mapping at this place.
        model: What stands there.
    """

    path: str
    wrap: Wrap
    model: type[BaseModel]

    @property
    def leaves(self) -> list[str]:
        """Paths of the keys that hold values, not further models alone."""
        return [
            f"{self.path}.{name}".removeprefix(".")
            for name, field in self.model.model_fields.items()
            if not _is_model_only(field.annotation)
        ]


def places(model: type[BaseModel] = CorpusSpec, path: str = "", wrap: Wrap = lambda x: x) -> Iterator[Place]:
    """Walk a model and all models below it."""
    yield Place(path, wrap, model)
    for name, field in model.model_fields.items():
        variants = list(_models(field.annotation))
        for variant, in_list in variants:
            kind = _kind(variant) if len(variants) > 1 else None
            below = f"{path}.{name}".removeprefix(".") + (f"[{kind}]" if kind else "")
            yield from places(variant, below, _wrapper(wrap, model, name, variant, in_list))


def _wrapper(wrap: Wrap, holder: type[BaseModel], name: str, variant: type[BaseModel], in_list: bool) -> Wrap:
    def wrapped(inner: dict[str, Any]) -> dict[str, Any]:
        kind = _kind(variant)
        inner = {"kind": kind, **inner} if kind else inner
        holders = _kind(holder)
        outer: dict[str, Any] = {name: [inner] if in_list else inner}
        return wrap({"kind": holders, **outer} if holders else outer)

    return wrapped


def _kind(model: type[BaseModel]) -> str | None:
    field = model.model_fields.get("kind")
    return str(get_args(field.annotation)[0]) if field else None


def _models(annotation: Any, in_list: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, in_list
    elif get_origin(annotation) in (Annotated, Union, types.UnionType, tuple):
        for inner in get_args(annotation):
            yield from _models(inner, in_list or get_origin(annotation) is tuple)


def _is_model_only(annotation: Any) -> bool:
    if get_origin(annotation) in (Annotated, Union, types.UnionType):
        arguments = get_args(annotation)
        parts = arguments[:1] if get_origin(annotation) is Annotated else arguments
        return all(_is_model_only(part) for part in parts)
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)
