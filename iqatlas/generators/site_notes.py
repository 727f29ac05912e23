"""What a file of sites tells and the spec makes nothing of: beams of isotropic antennas, other carriers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iqatlas.errors import SitesError, SpecError
from iqatlas.generators.spec import CorpusSpec
from iqatlas.raytracing.spec import SionnaRaytracing, StoredPaths
from iqatlas.scenes.scene import Site
from iqatlas.scenes.site_row import SiteRow
from iqatlas.scenes.spec import SiteFile
from iqatlas.waveforms.carrier import BANDS, RASTER_HZ, carrier_frequency_hz, downlink_frequency_hz

_MOST_NAMES = 5


def site_notes(spec: CorpusSpec, sites: Sequence[Site | SiteRow], unused: Sequence[str]) -> tuple[str, ...]:
    """Return a line for each thing that a file of sites tells in vain; none for other kinds of sites.

    Args:
        spec: What was asked.
        sites: The sites, or the rows that they are chosen from.
        unused: Columns of the file that have no meaning here.

    Raises:
        SitesError: Every site is told to be on another carrier than the corpus.
    """
    if not isinstance(spec.sites, SiteFile):
        return ()
    return (*_columns(unused), *_antennas(spec, sites), *_carriers(spec, sites))


def _columns(unused: Sequence[str]) -> Iterator[str]:
    if unused:
        yield f"columns of the file of sites that are not used: {_listed([name[:40] for name in unused])}"


def _antennas(spec: CorpusSpec, sites: Sequence[Site | SiteRow]) -> Iterator[str]:
    told = {
        "azimuths": any(site.azimuth_deg is not None for site in sites),
        "tilts": any(site.tilt_deg is not None for site in sites),
        "patterns": any(site.antenna != "isotropic" for site in sites),
    }
    words, model = [name for name, there in told.items() if there], spec.raytracing
    if not words or isinstance(model, StoredPaths):
        return
    if not isinstance(model, SionnaRaytracing):
        yield (
            f"{' and '.join(words)} of sites told, antennas of raytracing.kind: {model.kind} isotropic: "
            "kind: sionna with site_antenna: tr38901 has antennas that look there"
        )
    elif model.site_antenna != "tr38901":
        yield (
            f"{' and '.join(words)} of sites told, antennas {model.site_antenna}: set "
            "raytracing.site_antenna: tr38901 for antennas that look there"
        )


def _carriers(spec: CorpusSpec, sites: Sequence[Site | SiteRow]) -> Iterator[str]:
    carrier_hz = carrier_frequency_hz(spec.carrier)
    others = [(site, told) for site in sites if (told := _other_carrier(site, carrier_hz))]
    if not others:
        return
    listed = _listed([f"{site.name[:40]} ({told})" for site, told in others])
    if len(others) == len(sites):
        raise SitesError(
            f"every site is told to be off the corpus's carrier of {carrier_hz / 1e6:g} MHz: {listed}",
            where="sites.path",
            remedy="set carrier.earfcn to theirs, or take the column earfcn out",
        )
    yield f"sites told to be off the corpus's carrier of {carrier_hz / 1e6:g} MHz: {listed}"


def _other_carrier(site: Site | SiteRow, carrier_hz: float) -> str:
    """Return the carrier at which a site was seen, in words, where it is not the corpus's; else nothing."""
    if site.earfcn is not None:
        try:
            seen_hz = downlink_frequency_hz(site.earfcn)
        except SpecError:
            return f"earfcn {site.earfcn}, of no downlink"
        return (
            ""
            if abs(seen_hz - carrier_hz) < RASTER_HZ / 2
            else f"earfcn {site.earfcn}, {seen_hz / 1e6:g} MHz"
        )
    if site.band is None:
        return ""
    rows = [row for row in BANDS if row.number == site.band]
    held = any(0 <= carrier_hz / RASTER_HZ - row.low_raster <= row.last - row.first for row in rows)
    return "" if held else f"band {site.band}"


def _listed(words: Sequence[str]) -> str:
    left = len(words) - _MOST_NAMES
    return ", ".join(words[:_MOST_NAMES]) + (f" and {left} more" if left > 0 else "")
