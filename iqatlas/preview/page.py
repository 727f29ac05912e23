"""The page: sections, the data that its script draws, and a policy that lets nothing else run."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from iqatlas.catalogs.corpus import Corpus
from iqatlas.detectors.validated_corpus import manifest_sha256
from iqatlas.errors import CorpusError
from iqatlas.preview import sections
from iqatlas.preview.captures import read_captures
from iqatlas.preview.city import read_city
from iqatlas.preview.distributions import read_distributions
from iqatlas.preview.holdings import credit_line, tiles
from iqatlas.preview.markup import Markup, element, markup, plain
from iqatlas.preview.packing import script_json
from iqatlas.preview.radio_paths import read_paths
from iqatlas.preview.solids import solids_data
from iqatlas.preview.stored_validation import read_validation, validation_folder
from iqatlas.preview.validated import run_energy, why_not
from iqatlas.preview.validation_section import validation_section
from iqatlas.version import __version__

LARGEST_PAGE_BYTES = 5_000_000
_SCRIPTS = ("base", "charts", "solids", "steering", "radio", "captures", "figures")
_STYLES = ("colours", "style")


def preview_page(
    corpus: Corpus,
    *,
    validate: bool = True,
    validation: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> bytes:
    """Return a corpus as one HTML page that needs nothing else: no file, no network.

    What a corpus doesn't hold is left out with a line. The same corpus gives the same bytes, and no text of
    it can run as a script.

    Args:
        corpus: The corpus.
        validate: Whether to run the energy detector over it, where it is not too large.
        validation: Folder that ``iqatlas validate`` wrote; without it, that beside the corpus, if any.
        progress: Called with records done and records in all while the detector runs.

    Raises:
        MissingFileError: The folder holds no validation.
        CorpusError: It holds so much that no page of 5 MB can show it.
        StorageError: The store can't be reached.
    """
    city = read_city(corpus)
    solids = solids_data(city) if city is not None else None
    paths = read_paths(corpus, solids["middle_m"] if solids is not None else [0.0, 0.0, 0.0])
    captures = read_captures(corpus)
    distributions = read_distributions(corpus)
    reason = "The detectors were not run for this page." if not validate else why_not(corpus)
    found, curves = run_energy(corpus, progress=progress) if reason is None else (None, None)
    folder = validation or validation_folder(corpus)
    stored = read_validation(folder) if folder is not None else None
    credit = credit_line(corpus)
    parts = {
        "city": ("City", sections.city_section(city, solids, paths, credit)),
        "paths": ("Paths", sections.paths_section(paths)),
        "captures": ("Captures", sections.captures_section(captures)),
        "distributions": ("Distributions", sections.distributions_section(distributions)),
        "validation": ("Validation", validation_section(found, reason, stored, manifest_sha256(corpus))),
        "holdings": ("Contents", sections.holdings_section(corpus)),
        "licences": ("Licences", sections.licences_section(corpus)),
        "load": ("Load", sections.loading_section(corpus)),
    }
    page = _filled(
        corpus,
        {
            "solids": solids,
            "paths": paths,
            "captures": captures,
            "distributions": distributions,
            "validation": curves,
        },
        parts,
        credit,
    )
    if len(page) > LARGEST_PAGE_BYTES:
        raise CorpusError(
            f"its page would be {len(page) / 1e6:.1f} MB",
            where=corpus.place.name,
            accepted=f"up to {LARGEST_PAGE_BYTES / 1e6:g} MB",
            remedy="draw parts of it with iqatlas plot",
        )
    return page


def _filled(corpus: Corpus, data: dict[str, Any], parts: dict[str, tuple[str, Markup]], credit: str) -> bytes:
    script = "".join(_template(f"{name}.js") for name in _SCRIPTS)
    style = "".join(_template(f"{name}.css") for name in _STYLES)
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    manifest = corpus.manifest
    about = manifest.spec.get("about")
    title = about.get("title") if isinstance(about, dict) else None
    description = about.get("description") if isinstance(about, dict) else None
    name = plain(title or manifest.name, 200)
    filled = Template(_template("page.html")).substitute(
        policy=policy,
        version=markup(__version__),
        name=markup(name),
        lead=markup(plain(description or sections.lead(corpus), 1200)),
        style=style,
        tiles=tiles(corpus),
        links=markup(
            *(element("li", element("a", words, href=f"#{key}")) for key, (words, _) in parts.items())
        ),
        sections=markup(
            *(
                element("section", body, id=key, aria_labelledby=f"{key}-heading")
                for key, (_, body) in parts.items()
            )
        ),
        credit=markup(credit),
        data=script_json(data),
        script=script,
    )
    return filled.encode()


def _template(name: str) -> str:
    return (files("iqatlas.preview") / "templates" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
