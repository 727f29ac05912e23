"""The page of every key that a spec may have, from the JSON Schema of specs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from iqatlas.generators.spec import CorpusSpec

_INTRODUCTION = """\
# The spec

Every key, with what it takes and its default: made from the schema that `iqatlas schema` prints. A key that
is not here is refused, with the nearest right one. Parts that come in kinds are told apart by `kind`; a part
without one is of its default's. Relative paths start from the folder that the spec is in.

`iqatlas init` writes a first spec; `--set capture.slots=1000` replaces one value of it.
"""


def spec_page() -> str:
    """Return the page, in Markdown."""
    schema = CorpusSpec.model_json_schema()
    parts = [_INTRODUCTION, _table(schema, schema)]
    for key, field in schema["properties"].items():
        names = [name for name in _named(field, schema) if schema["$defs"][name].get("type") == "object"]
        if not names:
            continue
        parts.append(f"## {key}\n\n{field['description']}\n")
        parts.extend(_models(names, schema, seen=set()))
    return "\n".join(parts)


def _models(names: list[str], schema: dict[str, Any], seen: set[str]) -> Iterator[str]:
    """Give the table of each model, and of those that its keys lead to, each once a part."""
    for name in names:
        if name in seen:
            continue
        seen.add(name)
        model = schema["$defs"][name]
        kind = model["properties"].get("kind", {}).get("const")
        title = f"`kind: {kind}`" if kind else name
        yield f"### {title} {{ #{name} }}\n\n{model['description']}\n"
        yield _table(model, schema)
        below = [
            inner
            for field in model["properties"].values()
            for inner in _named(field, schema)
            if schema["$defs"][inner].get("type") == "object"
        ]
        yield from _models(below, schema, seen)


def _table(model: dict[str, Any], schema: dict[str, Any]) -> str:
    rows = ["| key | takes | default | |", "|---|---|---|---|"]
    required = model.get("required", [])
    for key, field in model["properties"].items():
        if key == "kind" and "const" in field:
            continue
        default = "needed" if key in required else _default(field.get("default"))
        takes = " or ".join(dict.fromkeys(_takes(field, schema)))
        rows.append(f"| `{key}` | {takes} | {default} | {_cell(field.get('description', ''))} |")
    return "\n".join(rows) + "\n" if len(rows) > 2 else "No keys.\n"


def _default(value: object) -> str:
    if isinstance(value, dict):
        kind = value.get("kind")
        return f"`kind: {kind}`" if kind else "its defaults"
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def _named(field: dict[str, Any], schema: dict[str, Any]) -> list[str]:
    """Return the names of the models that a field may hold, in order."""
    if "$ref" in field:
        return [field["$ref"].removeprefix("#/$defs/")]
    inner = [*field.get("oneOf", []), *field.get("anyOf", []), *field.get("prefixItems", [])]
    if isinstance(items := field.get("items"), dict):
        inner.append(items)
    return [name for part in inner for name in _named(part, schema)]


def _takes(field: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    if "$ref" in field:
        name = field["$ref"].removeprefix("#/$defs/")
        model = schema["$defs"][name]
        if model.get("type") == "object":
            kind = model["properties"].get("kind", {}).get("const")
            yield f"[{kind or name}](#{name})"
        else:
            yield from _takes(model, schema)
    elif inner := [*field.get("oneOf", []), *field.get("anyOf", [])]:
        for part in inner:
            yield from _takes(part, schema)
    elif "const" in field:
        yield f"`{json.dumps(field['const'])}`"
    elif "enum" in field:
        yield ", ".join(f"`{value}`" for value in field["enum"])
    elif field.get("type") == "array":
        items = field.get("items") or (field.get("prefixItems") or [{}])[0]
        yield "list of " + " or ".join(dict.fromkeys(_takes(items, schema)))
    else:
        yield _cell(f"{field.get('type', 'anything')}{_bounds(field)}")


def _bounds(field: dict[str, Any]) -> str:
    words = [
        f"{sign} {field[word]:g}"
        for word, sign in (
            ("minimum", "≥"),
            ("exclusiveMinimum", ">"),
            ("maximum", "≤"),
            ("exclusiveMaximum", "<"),
        )
        if word in field and abs(field[word]) < 1 << 40
    ]
    return f", {', '.join(words)}" if words else ""


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
