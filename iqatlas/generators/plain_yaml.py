"""YAML as specs use it: mappings, lists and plain values, and nothing that can surprise."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from iqatlas.errors import SpecError

_INTEGER = re.compile(r"(?:[-+]?[0-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+)\Z")
_REAL = re.compile(
    r"(?:[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\Z"
)
_NUMBERS = {"tag:yaml.org,2002:int": _INTEGER, "tag:yaml.org,2002:float": _REAL}


class _PlainLoader(yaml.SafeLoader):
    """YAML without tags, without aliases (which can expand without bound), without repeated keys.

    Whole numbers are those of YAML 1.2's core schema (section 10.3.2): YAML 1.1 takes -30:30 for -1770, a
    number of base 60, and a network code 010 for 8.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [(tag, _NUMBERS.get(tag, pattern)) for tag, pattern in resolvers]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        text = str(self.construct_scalar(node)).replace("_", "")
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))

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


_PlainLoader.add_constructor("tag:yaml.org,2002:int", _PlainLoader.construct_yaml_int)


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


def read_override(override: str) -> tuple[list[str], object]:
    """Return the keys and the value of an override.

    Args:
        override: ``key.key=value``, the value in YAML.

    Raises:
        SpecError: The override is not of this form.
    """
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise SpecError(f"{override[:80]!r} is not an override", where="--set", accepted="key.key=value")
    return keys, read_plain_yaml(text, where=f"--set {path.strip()}")


def override_value(tree: Mapping[str, Any], override: str) -> dict[str, Any]:
    """Return a tree in which one value is replaced; the tree that is given stays as it is.

    Args:
        tree: Nested mappings.
        override: ``key.key=value``, the value in YAML.

    Raises:
        SpecError: The override is not of this form.
    """
    return replaced(tree, *read_override(override))


def replaced(tree: Mapping[Any, Any], keys: Sequence[str], value: object) -> dict[Any, Any]:
    """Return a tree in which the value at some keys is another; the tree that is given stays as it is.

    Args:
        tree: Nested mappings.
        keys: From the outermost to the innermost.
        value: The new value.
    """
    changed: dict[Any, Any] = dict(tree)
    level = changed
    for key in keys[:-1]:
        below = level.get(key)
        level[key] = dict(below) if isinstance(below, Mapping) else {}
        level = level[key]
    level[keys[-1]] = value
    return changed
