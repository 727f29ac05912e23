"""The signal of one site of a spec, as long as asked, in pieces."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Complex64

from iqatlas.errors import SpecError
from iqatlas.generators.plan import plan
from iqatlas.generators.site_count import needs_scene, with_site_count
from iqatlas.generators.spec import CorpusSpec
from iqatlas.generators.transmission import transmission_for
from iqatlas.seeds import Stage, key
from iqatlas.waveforms.carrier import carrier_frequency_hz
from iqatlas.waveforms.spec import LteWaveform

_PIECE_SAMPLES = 1 << 19
_LARGEST_SLOTS = 20_000_000


class SiteSignal:
    """What one site of a spec transmits from time 0 on.

    Args:
        spec: The spec.
        site: Place of the site among those of the spec.
        duration_s: Length of the signal.
        cell_id: Physical cell identity in place of the site's own. With it no map is read, unless the sites
            are those rows of a file that lie among the buildings.
        full_load: Whether every sub-channel is occupied all the time; else the site follows the
            chains of the spec's first draw.

    Raises:
        IqAtlasError: The spec has no such site, or its parts don't fit each other.
    """

    def __init__(
        self, spec: CorpusSpec, *, site: int, duration_s: float, cell_id: int | None, full_load: bool
    ) -> None:
        spec = with_site_count(spec)
        if needs_scene(spec):
            # Maps take a second to import, and few specs need theirs to count the sites.
            from iqatlas.generators.counted_plan import counted_plan

            spec = counted_plan(spec)[0].spec
        made = plan(spec)
        if not 0 <= site < made.sites:
            raise SpecError(f"no site {site}", where="--site", accepted=f"0 to {made.sites - 1}")
        self.spec, self.site = spec, site
        self.cell_id = _cell_id(spec, site) if cell_id is None else cell_id
        # Offsets are drawn for all sites, so that this one has those that it has in a corpus.
        identities = [self.cell_id if place == site else place for place in range(made.sites)]
        self.transmission = transmission_for(spec, cell_ids=identities).alone(site)
        self.sample_rate_hz = made.sample_rate_hz
        self.carrier_hz = carrier_frequency_hz(spec.carrier)
        self.slot_samples = made.slot_samples
        self.samples = round(duration_s * made.sample_rate_hz)
        slots = -(-self.samples // made.slot_samples)
        if not 1 <= slots <= _LARGEST_SLOTS:
            raise SpecError(
                f"{duration_s * 1e3:g} ms",
                where="--duration-ms",
                accepted=f"one sample to {_LARGEST_SLOTS:,} occupancy slots",
            )
        subchannels = spec.waveform.subchannels
        self.occupancy: Bool[np.ndarray, "slot subchannel"] = np.ones((slots, subchannels), bool)
        """What the site occupies in each slot."""
        if not full_load:
            self.occupancy = made.chains.draw(0, slots)[:, site].copy()
        self._keys = key(spec.seed, Stage.PAYLOAD, site)[None, None]

    @property
    def description(self) -> str:
        """What the signal is, in words."""
        waveform, name = self.spec.waveform, f"site {self.site} of {self.spec.name}"
        if isinstance(waveform, LteWaveform):
            return f"LTE downlink, {waveform.bandwidth_mhz:g} MHz, cell {self.cell_id}: {name}"
        return f"Marine VHF voice, {waveform.modulation.upper()}, {waveform.subchannels} channels: {name}"

    def window(self, start: int, samples: int) -> Complex64[np.ndarray, "sample"]:
        """Return a piece of the signal, √mW; 1 mW is the mean at full load.

        Args:
            start: First sample.
            samples: Length.
        """
        # The slot before and after: transmitters look a little further than the window.
        first = max(0, start // self.slot_samples - 1)
        last = (start + samples - 1) // self.slot_samples + 1
        sent = self.transmission.synthesise(
            start_sample=np.array([start], np.int64),
            samples=samples,
            occupancy=self.occupancy[None, first : last + 1, None],
            first_slot=np.array([first], np.int64),
            slot_samples=self.slot_samples,
            keys=self._keys,
        )
        signal: Complex64[np.ndarray, "sample"] = sent[0, 0]
        return signal

    def pieces(self) -> Iterator[Complex64[np.ndarray, "sample"]]:
        """Give the signal from its beginning to its end, piece after piece."""
        for start in range(0, self.samples, _PIECE_SAMPLES):
            yield self.window(start, min(_PIECE_SAMPLES, self.samples - start))


def _cell_id(spec: CorpusSpec, site: int) -> int:
    if not isinstance(spec.waveform, LteWaveform):
        return 0  # voice has no cells
    # Maps take a second to import, which a given identity saves.
    from iqatlas.scenes.build import build_scene

    scene = build_scene(
        spec.name, spec.scene, spec.sites, spec.receivers, seed=spec.seed, base_folder=spec.folder
    )
    return scene.sites[site].cell_id
