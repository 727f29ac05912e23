"""A commented spec from three answers: which city, which band, how many records."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from iqatlas.errors import MissingFileError, SpecError, nearest
from iqatlas.generators.plain_yaml import read_plain_yaml
from iqatlas.generators.plan import plan
from iqatlas.generators.spec import CorpusSpec
from iqatlas.scenes.map_extent import refuse_bbox_elsewhere
from iqatlas.user_paths import user_path
from iqatlas.waveforms.carrier import BANDS
from iqatlas.waveforms.spec import BANDWIDTHS_MHZ

BUNDLED_CITY = "helsinki"
VHF = "vhf"
SIZES: Mapping[str, int] = {"small": 1152, "medium": 4608, "large": 45_000}
"""Records of each size that has a name."""
MAP_ENDINGS = (".osm", ".osm.gz", ".osm.bz2", ".osm.pbf", ".pbf", ".json")
_USUAL_SNR = "{start: -20, stop: 20, step: 5}"
_USUAL_LEVELS = 9
_USUAL_MHZ = 10.0
_DEFAULT_EARFCN = {3: 1617}
_LARGEST_RECORDS = 100_000_000
_BAND_WORDS = "an E-UTRA band such as 3, a frequency such as 1815.3MHz, or vhf for marine voice channels"


@dataclass(frozen=True)
class Answers:
    """What a new spec is made of.

    Args:
        city: ``helsinki``, a map file, or the name of a place.
        band: An E-UTRA band, a frequency with its unit, or ``vhf``.
        size: ``small``, ``medium``, ``large``, or a number of records.
        cells: A file of OpenCelliD's; without it sites are placed on high roofs.
        bbox: West, south, east, north in degrees; the extent of the map without it.
        snr_db: SNR levels in dB; -20 to 20 in steps of 5 without it.
    """

    city: str = BUNDLED_CITY
    band: str = "3"
    size: str = "small"
    cells: Path | None = None
    bbox: tuple[float, float, float, float] | None = None
    snr_db: tuple[float, ...] | None = None


def new_spec(answers: Answers, folder: Path) -> str:
    """Return the text of a commented spec, which is known to be accepted and planned.

    Args:
        answers: City, band, size, and what goes with them.
        folder: Folder that the spec will lie in; files are named relative to it.

    Raises:
        MissingFileError: A map or a file of cells is not there.
        SpecError: An answer is not accepted.
        SceneError: The bbox lies off the map.
    """
    name, buildings, remark = _city(answers.city, folder)
    snr, levels = _snr(answers.snr_db)
    text = _TEXT.format(
        name=name,
        buildings=buildings,
        city_remark=remark,
        bbox=_bbox(answers.bbox),
        sites=_sites(answers, folder),
        signal=_signal(answers.band),
        slots=-(-_records(answers.size) // levels),
        times=f"times {levels} levels of SNR" if levels > 1 else "at one level of SNR",
        snr=snr,
    )
    tree = read_plain_yaml(text, where="the new spec")
    spec = CorpusSpec.from_tree(tree, where="the new spec", folder=folder)
    plan(spec)
    refuse_bbox_elsewhere(spec.scene, base_folder=folder, where="--bbox")
    return text


def _city(city: str, folder: Path) -> tuple[str, str, str]:
    """Return the corpus's name, the buildings' line, and what is to be known of them."""
    words = city.strip()
    if words.lower() == BUNDLED_CITY:
        return BUNDLED_CITY, "{kind: bundled}", "central Helsinki, 1 km², which comes with iqatlas"
    if words.lower().endswith(MAP_ENDINGS):
        path = user_path(words)
        if not path.is_file():
            raise MissingFileError(
                "no such map file",
                where=f"--city {words}",
                accepted=f"{BUNDLED_CITY}, a map ({', '.join(MAP_ENDINGS)}), or the name of a place",
            )
        stem = re.sub(r"(\.osm)?(\.(pbf|gz|bz2|json)|\.osm)$", "", path.name, flags=re.IGNORECASE)
        line = f"{{kind: osm_file, path: {_relative(path, folder)}}}"
        return _slug(stem), line, "OpenStreetMap XML, PBF, or Overpass's JSON"
    if not words:
        raise SpecError("a city is needed", where="--city", accepted=f"{BUNDLED_CITY}, a map file or a place")
    line = f"{{kind: overpass, place: {_quoted(words)}}}"
    return _slug(words), line, "asked of a map server once, and archived with the corpus"


def _slug(words: str) -> str:
    ascii_words = words.encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", ascii_words).strip("-")[:60] or "city"


def _relative(path: Path, folder: Path) -> str:
    # JSON's strings are YAML's; a path of spaces or colons stays one word.
    absolute = user_path(path).resolve()
    try:
        shown = os.path.relpath(absolute, folder.resolve())
    except ValueError:  # another drive
        shown = str(absolute)
    return _quoted(Path(shown).as_posix())


def _bbox(bbox: tuple[float, float, float, float] | None) -> str:
    if bbox is None:
        return "  # bbox: [west, south, east, north]          # a part of it, in degrees\n"
    return f"  bbox: [{', '.join(f'{side:.10g}' for side in bbox)}]   # west, south, east, north in degrees\n"


def _sites(answers: Answers, folder: Path) -> str:
    if answers.cells is not None:
        if not user_path(answers.cells).is_file():
            raise MissingFileError("no such file of cells", where=f"--cells {answers.cells}")
        line = f"sites: {{kind: opencellid, path: {_relative(answers.cells, folder)}, count: 3}}"
        return (
            "# OpenCelliD's cells, gathered into base stations; of the operator with most of them, "
            f"unless mcc and mnc say otherwise.\n{line}\n"
        )
    if answers.city.strip().lower() == BUNDLED_CITY:
        return "# The two base stations of the map and one on a high roof.\nsites: {kind: bundled}\n"
    return (
        "# On high roofs: plausible, not real. For real ones: kind opencellid, osm_masts, file or list.\n"
        "sites: {kind: placed, count: 3}\n"
    )


def _signal(band: str) -> str:
    """Return carrier, waveform and occupancy."""
    words = band.strip().lower().replace(" ", "")
    if words == VHF:
        return _MARINE
    frequency = re.fullmatch(r"(\d+(?:\.\d+)?)(hz|khz|mhz|ghz)", words)
    if frequency:
        scale = {"hz": 1.0, "khz": 1e3, "mhz": 1e6, "ghz": 1e9}[frequency[2]]
        carrier = f"carrier: {{frequency_hz: {float(frequency[1]) * scale:.1f}}}"
        return _LTE.format(carrier=carrier, remark="", bandwidth=_USUAL_MHZ, subchannels=16)
    number = re.fullmatch(r"(?:band|b)?(\d+)", words)
    known = {str(row.number): row for row in BANDS}
    if number is None or number[1] not in known:
        near = nearest(words, [*known, VHF])
        hint = f", did you mean {near!r}?" if near else ""
        raise SpecError(f"{band!r} is no band{hint}", where="--band", accepted=_BAND_WORDS)
    row = known[number[1]]
    width = (row.last - row.first + 1) / 10
    bandwidth = max((b for b in BANDWIDTHS_MHZ if b <= min(width, _USUAL_MHZ)), default=BANDWIDTHS_MHZ[0])
    earfcn = _DEFAULT_EARFCN.get(row.number, (row.first + row.last) // 2)
    subchannels = {1.4: 2, 3.0: 5, 5.0: 8}.get(bandwidth, 16)
    return _LTE.format(
        carrier=f"carrier: {{earfcn: {earfcn}}}",
        remark=f"band {row.number}; ",
        bandwidth=bandwidth,
        subchannels=subchannels,
    )


def _snr(levels_db: tuple[float, ...] | None) -> tuple[str, int]:
    """Return the value of ``snr_db``, and how many levels it has."""
    if levels_db is None:
        return _USUAL_SNR, _USUAL_LEVELS
    return f"[{', '.join(f'{level:.10g}' for level in levels_db)}]", len(levels_db)


def _records(size: str) -> int:
    words = size.strip().lower().replace(",", "").replace("_", "")
    if words in SIZES:
        return SIZES[words]
    if not words.isdecimal() or not 1 <= int(words[:12]) <= _LARGEST_RECORDS:
        raise SpecError(
            f"{size!r} is no size",
            where="--size",
            accepted=f"{', '.join(SIZES)}, or a number of records up to {_LARGEST_RECORDS:,}",
        )
    return int(words)


_LTE = """\
# {remark}an EARFCN, or frequency_hz.
{carrier}

# Each sub-channel is switched on its own.
waveform: {{kind: lte, bandwidth_mhz: {bandwidth:g}, subchannels: {subchannels}}}

# A vacant slot of 1 ms is followed by an occupied one with p01, the other way round with p10.
occupancy: {{kind: markov, p01: 0.05, p10: 0.2}}
"""

_MARINE = """\
# Voice on marine VHF channels, a sub-channel each; the carrier is the middle of them.
waveform: {kind: marine_vhf, channels: [6, 8, 16, 67, 72]}

# Slots of a quarter of a second: a vacant one is followed by an occupied one with p01, back with p10.
occupancy: {kind: markov, slot_s: 0.25, p01: 0.1, p10: 0.3}
"""

_TEXT = """\
# A spec of iqatlas. What is left out has a default; `iqatlas schema` has every key.
#   iqatlas plan THIS-FILE       counts records, bytes and time, and makes nothing
#   iqatlas generate THIS-FILE   makes the corpus
name: {name}
seed: 7                    # every random number comes from it

scene:
  # {city_remark}
  buildings: {buildings}
{bbox}
{sites}
# UAVs that stay where they are; kind: trajectory flies them.
receivers: {{kind: hover, count: 3, altitude_m: 120}}

{signal}
# Paths between the buildings. free_space is quicker, and blind to the city.
raytracing: {{kind: sionna, max_reflections: 5, diffraction: true}}

capture:
  samples: 1024            # a capture and receiver
  slots: {slots:<17} # {times} = records
  snr_db: {snr}
  noise: common_floor      # one floor for all receivers; or per_receiver, thermal

features: {{spectrogram: {{nperseg: 128}}}}
storage: {{format: zarr, iq: complex64}}
splits: {{train: 0.7, validation: 0.15, test: 0.15, by: time}}
"""


def _quoted(text: str) -> str:
    """Return a text in quotes; what YAML takes for the end of a line, where JSON doesn't, as its number."""
    quoted = json.dumps(text, ensure_ascii=False)
    return re.sub(r"[\x7f-\x9f\u2028\u2029\ufeff]", lambda found: f"\\u{ord(found[0]):04x}", quoted)
