"""The about part of a spec: what a corpus is called, who made it, and how it may be used."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from iqatlas.schema import SpecModel

Line = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$")]

LICENCE_URLS = {
    "ODbL-1.0": "https://opendatacommons.org/licenses/odbl/1-0/",
    "CC-BY-SA-4.0": "https://creativecommons.org/licenses/by-sa/4.0/",
    "CC-BY-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "NOASSERTION": "https://spdx.github.io/spdx-spec/v2.3/package-information/#713-concluded-license-field",
}
"""Where the text of a licence is, by its SPDX identifier."""


class AboutSpec(SpecModel):
    """What catalogues and citations say of a corpus; no record depends on it."""

    title: Line | None = None
    """Title; made from the name without it."""
    description: Annotated[str, Field(min_length=1, max_length=10_000)] | None = None
    """What it is good for; made from the spec without it."""
    authors: Annotated[tuple[Line, ...], Field(max_length=1000)] = ()
    """Who made it, as `Family, Given` or the name of a group."""
    licence: Line = "ODbL-1.0"
    """SPDX identifier. A corpus derives from OpenStreetMap data, whose licence asks for the same one."""
    doi: Annotated[str, Field(pattern=r"^10\.\d{4,9}/\S{1,200}$")] | None = None
    """Digital object identifier, where there is one already."""

    @property
    def licence_url(self) -> str:
        """Address of the licence's text."""
        if self.licence.startswith(("https://", "http://")):
            return self.licence
        return LICENCE_URLS.get(self.licence, f"https://spdx.org/licenses/{self.licence}.html")
