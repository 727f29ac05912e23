"""YAML as specs use it: mappings, lists and plain values, and nothing that can surprise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from iqatlas.errors import SpecError


class _PlainLoader(yaml.SafeLoader):
    """YAML without tags, without aliases (which can expand without bound), without repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not accepted", self.get_mark())
        if getattr(event, "tag", None) is not None:
            raise yaml.composer.ComposerError(None, None, "tags are not accepted", event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key is a word, not a list or a mapping", key_node.start_mark
                )
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key_node.value!r} is there twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def read_plain_yaml(text: str, *, where: str) -> object:
    """Return what a YAML text holds; None for an empty one.

    Args:
        text: The text.
        where: Where it comes from, for messages.

    Raises:
        SpecError: The text is not YAML, or uses tags, aliases or a key twice.
    """
    try:
        return yaml.load(text, Loader=_PlainLoader)
    except (yaml.YAMLError, RecursionError) as failure:
        raise SpecError(f"not plain YAML ({_reason(failure)})", where=where) from None
    except (ValueError, ArithmeticError) as failure:
        # YAML takes a value for a date or a number that Python then can't make.
        raise SpecError(
            f"not plain YAML ({_reason(failure)})",
            where=where,
            remedy="put dates and words that look like numbers in quotes",
        ) from None


def _reason(failure: Exception) -> str:
    if isinstance(failure, RecursionError):
        return "nested too deep"
    if isinstance(failure, yaml.MarkedYAMLError) and failure.problem_mark is not None:
        mark = failure.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {failure.problem}"
    return str(failure).splitlines()[0] if str(failure) else type(failure).__name__


def override_value(tree: Mapping[str, Any], override: str) -> dict[str, Any]:
    """Return a tree in which one value is replaced; the tree that is given stays as it is.

    Args:
        tree: Nested mappings.
        override: ``key.key=value``, the value in YAML.

    Raises:
        SpecError: The override is not of this form.
    """
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise SpecError(f"{override[:80]!r} is not an override", where="--set", accepted="key.key=value")
    value = read_plain_yaml(text, where=f"--set {path.strip()}")
    changed: dict[str, Any] = dict(tree)
    level = changed
    for key in keys[:-1]:
        below = level.get(key)
        level[key] = dict(below) if isinstance(below, Mapping) else {}
        level = level[key]
    level[keys[-1]] = value
    return changed
