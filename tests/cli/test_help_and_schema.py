"""Help that fits a terminal and shows an example, and a schema that editors can use."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import iqatlas
from iqatlas import CorpusSpec
from iqatlas.cli.app import app

COMMANDS = [
    "generate", "plan", "scene", "trace", "info", "verify", "rebuild", "validate", "plot", "preview",
    "waveform", "export", "schema", "doctor",
]  # fmt: skip


def test_the_commands_are_these() -> None:
    assert [command.name for command in app.registered_commands] == COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_fits_80_columns(
    name: str, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", 80)
    for option in ("--help", "-h"):
        shown = command(name, option)
        assert shown.code == 0
        assert re.search(rf"Example: iqatlas {name}\b[^\n]*\n\s*\n", shown.out)  # whole, on one line
        assert max(len(line) for line in shown.out.splitlines()) <= 80
        assert "…" not in shown.out


@pytest.mark.parametrize("name", ["publish", "list", "show", "diff", "pull"])
def test_help_of_catalog_has_examples(name: str, command: Callable[..., Any]) -> None:
    shown = command("catalog", name, "--help")
    assert shown.code == 0
    assert re.search(rf"Example: iqatlas catalog {name} ", shown.out)


def test_help_of_the_program_names_every_command(command: Callable[..., Any]) -> None:
    shown = command("--help")
    assert shown.code == 0
    assert all(f" {name} " in shown.out for name in COMMANDS)
    assert command("--version").out == f"iqatlas {iqatlas.__version__}\n"


def test_the_example_of_generate_is_a_command_that_parses(command: Callable[..., Any]) -> None:
    """It gets as far as the spec, which is not there."""
    example = re.search(r"Example: iqatlas (generate .*)", command("generate", "--help").out)
    assert example
    assert "city.yaml: no such spec file" in command(*example[1].split()).err


def objects(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every object of a schema with its name."""
    for name, part in {**schema["$defs"], "CorpusSpec": schema}.items():
        if part.get("type") == "object":
            yield name, part


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for below in node.values():
            yield from references(below)
    elif isinstance(node, list):
        for below in node:
            yield from references(below)


def test_the_schema_refuses_unknown_keys_and_describes_every_key(command: Callable[..., Any]) -> None:
    shown = command("schema")
    assert shown.code == 0
    schema = json.loads(shown.out)
    assert schema == CorpusSpec.model_json_schema()
    found = dict(objects(schema))
    assert len(found) >= 20
    for name, part in found.items():
        assert part["additionalProperties"] is False, name
        assert part["description"], name
        for key, field in part["properties"].items():
            assert field.get("description"), f"{name}.{key}"
            assert field["description"][-1] in ".;)", f"{name}.{key}"


def test_the_schema_is_of_a_known_form() -> None:
    """JSON Schema, 2020-12: only its words, each of the right type, and every reference leads somewhere."""
    schema = CorpusSpec.model_json_schema()
    types = {"object", "array", "string", "number", "integer", "boolean", "null"}
    words = {
        "$defs": dict, "$ref": str, "type": str, "properties": dict, "required": list, "enum": list,
        "additionalProperties": bool, "items": dict, "prefixItems": list, "anyOf": list, "oneOf": list,
        "const": object, "default": object, "title": str, "description": str, "format": str, "pattern": str,
        "minimum": (int, float), "maximum": (int, float), "exclusiveMinimum": (int, float),
        "exclusiveMaximum": (int, float), "minLength": int, "maxLength": int, "minItems": int,
        "maxItems": int, "discriminator": dict,
    }  # fmt: skip

    def check(node: dict[str, Any], where: str) -> None:
        for word, value in node.items():
            assert word in words, f"{where}: {word}"
            assert isinstance(value, words[word]), f"{where}: {word}"
        assert node.get("type", "object") in types
        for group in ("properties", "$defs"):
            for name, below in node.get(group, {}).items():
                check(below, f"{where}/{name}")
        for group in ("anyOf", "oneOf", "prefixItems"):
            for number, below in enumerate(node.get(group, [])):
                check(below, f"{where}/{group}{number}")
        if "items" in node:
            check(node["items"], f"{where}/items")
        assert set(node.get("required", [])) <= set(node.get("properties", {}))

    check(schema, "#")
    for reference in references(schema):
        assert reference.removeprefix("#/$defs/") in schema["$defs"]


def test_doctor_finds_this_machine_fit(process: Callable[..., Any]) -> None:
    shown = process("doctor")
    assert shown.code == 0
    assert shown.err == ""
    assert re.search(r"✓ LLVM +\d+\.\d+\.\d+ at .*libLLVM", shown.out)
    assert re.search(r"✓ ray tracer +(llvm|cuda)_ad_mono_polarized, a probe found \d+ paths", shown.out)
    for name in ("iqatlas", "python", "sionna-rt", "mitsuba", "drjit", "disk"):
        assert re.search(rf"✓ {name} +\S", shown.out)


@pytest.mark.parametrize("library", ["/no/such/libLLVM.so", __file__])
def test_doctor_names_what_is_missing_and_the_remedy(library: str, process: Callable[..., Any]) -> None:
    shown = process("doctor", DRJIT_LIBLLVM_PATH=library)
    if "✓ CUDA           an NVIDIA driver answers" in shown.out:
        pytest.skip("a GPU traces without LLVM")
    assert shown.code == 1
    assert f"✗ LLVM           DRJIT_LIBLLVM_PATH={library}: " in shown.out
    assert "✗ ray tracer" in shown.out
    assert "pip install karellen-llvm-core" in shown.out
    assert "Traceback" not in shown.out + shown.err
