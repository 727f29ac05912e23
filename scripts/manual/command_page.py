"""The page of every command, from what the command line says of itself."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import typer.main

from iqatlas.cli.app import app

_INTRODUCTION = """\
# The command line

Every command, made from its `--help`. Exit codes: 0 done; 1 what was checked does not hold;
2 the input is wrong, told in one line; 130 interrupted.

Shell completion: `iqatlas --install-completion` adds it to bash, zsh, fish or PowerShell;
`iqatlas --show-completion` prints it.
"""


def command_page() -> str:
    """Return the page, in Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(name, command) for name, command in commands())])


def commands() -> Iterator[tuple[str, Any]]:
    """Give the name and the command of everything that can be typed, those of groups after their group."""
    yield from _below("iqatlas", typer.main.get_command(app))


def _below(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    for word, inner in getattr(command, "commands", {}).items():
        full = f"{name} {word}"
        if hasattr(inner, "commands"):
            yield from _below(full, inner)
        else:
            yield full, inner


def _section(name: str, command: Any) -> str:
    text, _, example = inspect.cleandoc(command.help or "").rpartition("Example: ")
    lines = [f"## {name}\n", text.strip(), ""]
    if example:
        lines += [f"```console\n$ {example.strip()}\n```", ""]
    rows = [_row(parameter) for parameter in command.params if parameter.name != "help"]
    if rows:
        lines += ["| | |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(parameter: Any) -> str:
    metavar = parameter.metavar or ""
    if parameter.param_type_name == "argument":
        shown = f"`{metavar or parameter.name.upper()}`"
    else:
        value = "" if getattr(parameter, "is_flag", False) else f" {metavar or parameter.name.upper()}"
        shown = ", ".join(f"`{option}{value}`" for option in [*parameter.opts, *parameter.secondary_opts])
    text = " ".join((parameter.help or "").split()).replace("|", "\\|")
    default = parameter.default
    is_plain = isinstance(default, int | float | str) and not isinstance(default, bool) and default != ""
    if is_plain and parameter.name != "workers":
        text += f" Default: `{default}`."
    return f"| {shown} | {text} |"
