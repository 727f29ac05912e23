"""Which machinery computes cyclic spectra: results may differ between two of them in the last bits."""

from __future__ import annotations

import os
from importlib.metadata import version
from importlib.util import find_spec

from iqatlas.errors import SetupError

VARIABLE = "IQATLAS_CYCLIC_ENGINE"
"""The environment variable that forces one: ``numpy`` or ``numba``."""


def engine() -> str:
    """Return the engine that computes cyclic spectra here, with its version, for a corpus' manifest.

    Raises:
        SetupError: The environment asks for an engine that isn't there.
    """
    name = "numba" if compiled() else "scipy"
    return f"{name} {version(name)}"


def compiled() -> bool:
    """Return whether the compiled kernels are used: where Numba is installed, unless the environment says.

    Raises:
        SetupError: The environment asks for an engine that isn't there.
    """
    asked = os.environ.get(VARIABLE, "")
    if asked == "numpy":
        return False
    there = find_spec("numba") is not None
    if asked not in ("", "numba"):
        raise SetupError(f"{asked!r} is no engine", where=VARIABLE, accepted="numpy, numba")
    if asked and not there:
        raise SetupError(
            "Numba is not installed", where=VARIABLE, remedy='pip install "iqatlas[fast]", or leave it out'
        )
    return there
