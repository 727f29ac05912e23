"""What is wrong with a spec, a line each: the key, what is accepted, the nearest right word."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from iqatlas.errors import SpecError, nearest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_Models = Sequence[type[BaseModel]]
_LONGEST_VALUE = 60
_NO_KEY = frozenset({"extra_forbidden", "invalid_key"})
_NO_KIND = frozenset({"union_tag_invalid", "union_tag_not_found"})


def spec_error(
    root: type[BaseModel], failure: ValidationError, where: str, *, between: str = ": "
) -> SpecError:
    """Return what is wrong with a spec, a line each, as one error.

    Args:
        root: Model of the whole spec, or of a part of it.
        failure: What pydantic says, which is many lines.
        where: Where the spec comes from; of a part, the key that it stands below.
        between: What joins that to the key that is wrong; ``.`` for a part.
    """
    faults: dict[tuple[str, ...], list[ErrorDetails]] = {}
    strange: list[ErrorDetails] = []
    above: set[tuple[str, ...]] = set()  # every key, and all, that a fault lies below
    parts: set[tuple[str, ...]] = set()  # what a misspelt key stands in
    for error in failure.errors(include_url=False):
        keys = tuple(_walk(root, error["loc"])[0])
        if error["type"] in _NO_KEY:
            strange.append(error)
            parts.add(keys)
            above.update(keys[:length] for length in range(len(keys) + 1))
        else:
            faults.setdefault(keys, []).append(error)
            above.update(keys[:length] for length in range(len(keys)))
    # A misspelt key often makes others fail too: those of the same part go unsaid, and those above.
    # Of the branches of a union, the one that got deepest is the one that was meant.
    meant = [
        beside
        for keys, beside in faults.items()
        if keys not in above and not (beside[0]["type"] == "missing" and keys[:-1] in parts)
    ]
    told = [_unknown_key(root, error, where + between) for error in strange[: SpecError.MOST]]
    room = SpecError.MOST - len(told)
    told += [_at_one_place(root, beside, where, between) for beside in meant[:room]]
    first, *others = told
    return first.with_others(others, more=len(strange) + len(meant) - len(told))


def _unknown_key(root: type[BaseModel], error: ErrorDetails, above: str) -> SpecError:
    keys, models = _walk(root, error["loc"][:-1])
    word = str(error["loc"][-1])
    known = sorted({name for model in models for name in model.model_fields})
    where = f"{above}{'.'.join([*keys, _short(word)])}"
    kinds = _kinds_with(root, keys, word)
    if kinds:
        what = f"this key is for the kind {' or '.join(map(repr, kinds))}"
        return SpecError(what, where=where, accepted=", ".join(known))
    return SpecError(f"unknown key{_hint(word, known)}", where=where, accepted=", ".join(known))


def _kinds_with(root: type[BaseModel], keys: Sequence[str], word: str) -> tuple[str, ...]:
    """Return the kinds of a part that have a key, where not all have."""
    models: _Models = [root]
    for key in keys:
        if not key.isdigit():
            models = list(models_below(models, key))
    return tuple(kind for model in models if word in model.model_fields for kind in kinds_of(model))


def _at_one_place(
    root: type[BaseModel], beside: Sequence[ErrorDetails], where: str, between: str
) -> SpecError:
    """Return what is wrong with one value, which the branches of a union each refuse in their own words."""
    error = beside[0]
    keys, models = _walk(root, error["loc"])
    place = f"{where}{between}{'.'.join(keys)}" if keys else where
    if error["type"] in _NO_KIND:
        return _kind_error(error["input"], models, place)
    if error["type"] == "missing":
        what = "too few values" if isinstance(error["loc"][-1], int) else "this key is needed"
        return SpecError(what, where=place)
    # One that fails for the value and not for its type is the one that was meant; else all of them
    # say what would be accepted.
    meant = [e for e in beside if not re.search(r"_type$|_parsing$", e["type"])] or beside
    message = " or ".join(dict.fromkeys(_message(e["msg"]) for e in meant))
    message = message.replace(" or input should be ", " or ")
    given = error["input"]
    shown = "" if isinstance(given, dict | BaseModel) else f"{_short(repr(given))}: "
    return SpecError(f"{shown}{message}", where=place)


def _kind_error(given: object, models: _Models, place: str) -> SpecError:
    kinds = [kind for model in models for kind in kinds_of(model)]
    if not isinstance(given, dict):
        return SpecError(f"{_short(repr(given))}: input should be a mapping of keys to values", where=place)
    kind = given.get("kind")
    known = sorted({name for model in models for name in model.model_fields})
    strange = next((str(key) for key in given if key not in known), None)
    if kind is None and strange is not None:
        return SpecError(
            f"unknown key{_hint(strange, known)}",
            where=f"{place}.{_short(strange)}",
            remedy=f"name the kind, too: {', '.join(kinds)}",
        )
    if kind is None:
        return SpecError("the key 'kind' is missing", where=place, accepted=", ".join(kinds))
    hint = _hint(kind, kinds) if isinstance(kind, str) else ""
    return SpecError(f"unknown kind {_short(repr(kind))}{hint}", where=place, accepted=", ".join(kinds))


def _hint(word: str, known: Sequence[str]) -> str:
    near = nearest(word, known)
    return f", did you mean {near!r}?" if near else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _message(text: str) -> str:
    text = text.removeprefix("Value error, ")
    text = re.sub(r"a valid (dictionary or instance of \w+|dictionary)", "a mapping of keys to values", text)
    text = text.replace(" or object to extract fields from", "")
    text = text.replace("a valid tuple", "a list").replace("Tuple should", "List should")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def _walk(root: type[BaseModel], location: tuple[int | str, ...]) -> tuple[list[str], _Models]:
    """Return the user's keys in an error's location, and the models that the last of them may hold.

    Pydantic puts the kind of a variant, and the names of types, between the keys.
    """
    keys: list[str] = []
    models: _Models = [root]
    for element in location:
        by_kind = [model for model in models if element in kinds_of(model)]
        if by_kind and keys:
            models = by_kind
        elif isinstance(element, int):
            keys.append(str(element))
        elif any(element in model.model_fields for model in models):
            keys.append(element)
            models = list(models_below(models, element))
    return keys, models


def kinds_of(model: type[BaseModel]) -> tuple[str, ...]:
    """Return the kinds that a model stands for; none where its part has no kinds."""
    field = model.model_fields.get("kind")
    return tuple(str(kind) for kind in get_args(field.annotation)) if field else ()


def models_below(models: _Models, key: str) -> Iterator[type[BaseModel]]:
    """Give the models that a key of any of some models may hold: of a union, all its variants."""
    for model in models:
        if key in model.model_fields:
            yield from _models(model.model_fields[key].annotation)


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, types.UnionType, tuple):
        for inner in get_args(annotation):
            yield from _models(inner)
