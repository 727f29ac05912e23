"""iqatlas: labelled, city-specific multi-UAV I/Q corpora for spectrum sensing."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from iqatlas.version import __version__

if TYPE_CHECKING:
    from iqatlas.catalogs.corpora import Corpora, open_corpora
    from iqatlas.catalogs.corpus import Corpus, open_corpus
    from iqatlas.errors import IqAtlasError
    from iqatlas.generators.execute import generate
    from iqatlas.generators.plan import Plan, plan
    from iqatlas.generators.spec import CorpusSpec

__all__ = [
    "Corpora",
    "Corpus",
    "CorpusSpec",
    "IqAtlasError",
    "Plan",
    "__version__",
    "generate",
    "open_corpora",
    "open_corpus",
    "plan",
]

# Loaded on first use, so that `import iqatlas` costs next to nothing.
_HOMES = {
    "Corpora": "iqatlas.catalogs.corpora",
    "Corpus": "iqatlas.catalogs.corpus",
    "CorpusSpec": "iqatlas.generators.spec",
    "IqAtlasError": "iqatlas.errors",
    "Plan": "iqatlas.generators.plan",
    "generate": "iqatlas.generators.execute",
    "open_corpora": "iqatlas.catalogs.corpora",
    "open_corpus": "iqatlas.catalogs.corpus",
    "plan": "iqatlas.generators.plan",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'iqatlas' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
