"""Versions of the ray-tracing libraries, told without importing them."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

_LIBRARIES = ("sionna-rt", "mitsuba", "drjit")


def library_versions() -> dict[str, str]:
    """Return the version of each library, ``missing`` where it is not installed."""
    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    return versions
