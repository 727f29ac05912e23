"""What all commands have in common: a path means the same in each of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import typer
from typer.models import CommandFunctionType

from iqatlas.user_paths import user_path


class Commands(typer.Typer):
    """Commands that are given their paths with the user's home filled in.

    A shell does that for ``-o ~/city``, and not for ``--output=~/city``, nor for what it is given in quotes.
    Places that may be addresses come as text; :func:`iqatlas.catalogs.place.place_of` does the same to them.
    """

    def command(
        self, name: str | None = None, **options: Any
    ) -> Callable[[CommandFunctionType], CommandFunctionType]:
        """Return a decorator that makes a function a command, as Typer's does."""
        register = super().command(name, **options)

        def decorate(function: CommandFunctionType) -> CommandFunctionType:
            register(_with_user_paths(function))
            return function

        return decorate


def _with_user_paths(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def called(**given: object) -> object:
        return function(**{name: _filled_in(value) for name, value in given.items()})

    return called


def _filled_in(value: object) -> object:
    if isinstance(value, list):
        return [_filled_in(one) for one in value]
    return user_path(value) if isinstance(value, Path) else value
