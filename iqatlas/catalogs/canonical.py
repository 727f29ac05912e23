"""Canonical JSON and SHA-256: one spelling for one value, so that hashes mean something."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path


def canonical_json(value: object) -> str:
    """Return the one spelling of a JSON value: keys sorted, no spaces, NaN refused."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_json(value: object) -> str:
    """Return the SHA-256 of the canonical spelling of a JSON value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file, read in blocks that stay in a core's cache."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
