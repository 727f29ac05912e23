"""Paths as users write them: below their home, or below a current folder that may be gone."""

from __future__ import annotations

from pathlib import Path

from iqatlas.errors import MissingFileError


def user_path(written: str | Path) -> Path:
    """Return a path with ``~`` and ``~name`` at its beginning replaced by the home of that user.

    A shell does so where the tilde begins a word; in quotes, in a file or after ``--output=`` it doesn't.
    As in a shell, the name of nobody's home stands for itself.

    Args:
        written: The path.
    """
    try:
        return Path(written).expanduser()
    except RuntimeError:
        return Path(written)


def current_folder() -> Path:
    """Return the folder that relative paths start at.

    Raises:
        MissingFileError: It was removed.
    """
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise MissingFileError("the current folder no longer exists", remedy="cd to one that does") from None
