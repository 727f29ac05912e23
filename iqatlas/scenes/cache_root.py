"""Where iqatlas keeps what it would else have to get again: traced paths and answers of map servers."""

from __future__ import annotations

import os
from pathlib import Path

from platformdirs import user_cache_path

from iqatlas.user_paths import user_path

VARIABLE = "IQATLAS_CACHE_DIR"
"""Environment variable that moves all caches."""


def cache_root() -> Path:
    """Return the folder of all caches: ``IQATLAS_CACHE_DIR``, else the user's cache folder.

    On Linux the latter is ``~/.cache/iqatlas``, moved by ``XDG_CACHE_HOME``.
    """
    asked = os.environ.get(VARIABLE)
    return user_path(asked) if asked else user_cache_path("iqatlas", appauthor=False)
