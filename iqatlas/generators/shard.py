"""From paths and plan to records: a pure function of its arguments, shard by shard."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import xarray as xr
from jaxtyping import Bool, Float64, Int64, UInt64

from iqatlas.catalogs._zarr import array_variable
from iqatlas.catalogs.quantised import dequantise, quantise
from iqatlas.catalogs.spec import SPLITS
from iqatlas.channels.front_end import FrontEnd
from iqatlas.channels.noise import add_noise, full_load_power_mw, mean_power_mw, noise_power_mw
from iqatlas.channels.normal_numbers import fastest
from iqatlas.channels.propagate import Channel, block_for
from iqatlas.generators.plan import Plan, Shard
from iqatlas.generators.transmission import transmission_for
from iqatlas.occupancy.packed import PackedStates, packed_draw
from iqatlas.raytracing.paths import PathSet
from iqatlas.seeds import Stage, key, stream, words


@dataclass(frozen=True, eq=False)
class Recipe:
    """All that the records follow from.

    Args:
        plan: The spec, resolved.
        paths: Traced paths.
        cell_ids: Physical cell identity of each site.
        site_power_dbm: Transmitted power of each site with every resource block in use.
    """

    plan: Plan
    paths: PathSet
    cell_ids: tuple[int, ...]
    site_power_dbm: tuple[float, ...]


class Workshop:
    """A recipe, with everything worked out that its shards share.

    Args:
        recipe: All that the records follow from.

    Raises:
        SpecError: No signal reaches the receivers, so that no noise gives the asked SNR.
    """

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.plan = recipe.plan
        spec = self.plan.spec
        self.downlink = transmission_for(spec, cell_ids=recipe.cell_ids)
        site_power_mw = 10 ** (np.array(recipe.site_power_dbm, np.float64) / 10)
        switched = self.downlink.subchannel_subcarriers.reshape(-1)
        full_load_mw = full_load_power_mw(
            recipe.paths,
            site_power_mw=site_power_mw,
            subcarrier_hz=self.downlink.subcarrier_hz[switched],
            subcarrier_power=self.downlink.full_load_spectrum()[:, switched],
        )
        self.front_end = FrontEnd(
            spec.receiver,
            receivers=self.plan.receivers,
            carrier_hz=recipe.paths.frequency_hz,
            sample_rate_hz=self.plan.sample_rate_hz,
            full_load_mw=full_load_mw,
            seed=spec.seed,
        )
        # What receivers' own clocks take may begin before the capture's first sample, or end late.
        self._margin = self.front_end.margin(spec.capture.samples)
        self.block = block_for(
            spec.capture.samples + 2 * self._margin,
            max_delay_s=recipe.paths.max_delay_s,
            sample_rate_hz=self.plan.sample_rate_hz,
        )
        self.max_delay_samples = int(np.ceil(recipe.paths.max_delay_s * self.plan.sample_rate_hz))
        self.channel = Channel(
            recipe.paths,
            self.block,
            sample_rate_hz=self.plan.sample_rate_hz,
            site_power_mw=site_power_mw,
            waypoint_time_s=self.plan.waypoint_time_s(len(recipe.paths.gain)),
            motion_error=spec.capture.motion_error,
        )
        self.noise_mw = noise_power_mw(
            spec.capture,
            full_load_mw=full_load_mw,
            sample_rate_hz=self.plan.sample_rate_hz,
            reference_bandwidth_hz=self.noise_bandwidth_hz,
        )
        self._draw_normal = fastest(2 * self.plan.samples)
        self._payload_key = key(spec.seed, Stage.PAYLOAD)
        self._occupancy = lru_cache(maxsize=2)(self._draw_occupancy)

    @property
    def noise_bandwidth_hz(self) -> float:
        """Bandwidth of all sub-channels, in which SNRs count the noise."""
        return self.downlink.occupied_bandwidth_hz

    def _draw_occupancy(self, draw: int) -> PackedStates:
        spec = self.plan.spec
        return packed_draw(
            self.plan.chains,
            draw,
            slots=spec.capture.slots,
            sites=self.plan.sites,
            subchannels=spec.waveform.subchannels,
        )

    def make_shard(self, shard: Shard) -> xr.Dataset:
        """Return the labelled records of a shard.

        The same recipe and shard give the same bytes, in any process and in any order.
        """
        size = self.plan.block_records
        joined: dict[str, np.ndarray] = {}
        for start in range(shard.start, shard.stop, size):
            block = self._make_block(start, min(start + size, shard.stop))
            if shard.stop - shard.start <= size:
                joined = block
                break
            for name, values in block.items():
                if name not in joined:
                    joined[name] = np.empty((shard.stop - shard.start, *values.shape[1:]), values.dtype)
                joined[name][start - shard.start :][: len(values)] = values
        quantities = self.plan.quantities
        return xr.Dataset({name: array_variable(quantities[name], values) for name, values in joined.items()})

    def _make_block(self, start: int, stop: int) -> dict[str, np.ndarray]:
        plan, spec = self.plan, self.plan.spec
        number = start // plan.block_records
        record = np.arange(start, stop, dtype=np.int64)
        level = record % plan.levels
        slot = record // plan.levels % spec.capture.slots
        draw = record // (plan.levels * spec.capture.slots)
        begin = slot * plan.slot_samples + self._offsets(number, slot)
        around = self._occupancy_around(draw, slot)
        baseband = self.downlink.synthesise(
            start_sample=begin - self._margin - self.block.lead,
            samples=self.block.length,
            occupancy=around,
            first_slot=slot - 1,
            slot_samples=plan.slot_samples,
            keys=self._payload_keys(record),
        )
        on = plan.site_is_on(slot)
        if on is not None:
            baseband *= on[:, :, None]
        time_s = begin / plan.sample_rate_hz
        waypoint, since_s = plan.waypoint_at(time_s, waypoints=len(self.recipe.paths.gain))
        # Paths go on from their waypoint to the next, delays and phases without a jump.
        window, link_mw = self.channel.receive(
            baseband,
            waypoint=waypoint,
            time_s=since_s + spec.capture.samples / (2 * plan.sample_rate_hz),
        )
        noise_mw = self.noise_mw[level]
        iq = self.front_end.tuned_and_sampled(
            window, start_sample=begin, samples=spec.capture.samples, record=record
        )
        signal_mw = mean_power_mw(iq)
        components = (
            {"signal": iq.copy(), "noise": np.empty_like(iq, order="C")} if spec.storage.components else {}
        )
        add_noise(
            iq,
            noise_mw,
            rng=stream(spec.seed, Stage.NOISE, number),
            added=components.get("noise"),
            draw=self._draw_normal,
        )
        iq = self.front_end.converted(iq)
        occupancy = around[:, 1] if on is None else around[:, 1] & on[:, :, None]
        in_band_mw = noise_mw * (self.noise_bandwidth_hz / plan.sample_rate_hz)
        block = {
            "iq": iq,
            "occupancy": occupancy,
            "label": occupancy.any(axis=1),
            "signal_power": _db(link_mw),
            "noise_power": _db(noise_mw),
            "snr": _db(signal_mw / in_band_mw),
            "slot": slot,
            "time": time_s,
            "draw": draw,
            "waypoint": waypoint,
            "split": np.array(SPLITS)[plan.record_split(draw, slot)],
            "snr_level": spec.capture.snr_levels_db()[level],
            **components,
        }
        if spec.storage.iq == "int16":
            block["iq"], block["iq_scale"] = quantise(iq)
            # Features are of the samples that are stored: whoever reads those works out the same bytes.
            iq = dequantise(block["iq"], block["iq_scale"])
        for feature, part in plan.features:
            block[feature.name] = feature.compute(iq, part, plan.setting)
        return block

    def _offsets(self, number: int, slot: Int64[np.ndarray, "record"]) -> Int64[np.ndarray, "record"]:
        """Return where in its slot each capture begins: after the echoes of the slot before, if it can."""
        latest = self.plan.slot_samples - self.plan.spec.capture.samples
        earliest = min(self.max_delay_samples + self.downlink.settling_samples, latest)
        seed = self.plan.spec.seed
        if self.plan.spec.capture.payload == "fixed":
            counter = np.zeros((len(slot), 2), np.uint64)
            counter[:, 0] = slot
            drawn = words(key(seed, Stage.START_TIME), counter)[:, 0] % np.uint64(latest - earliest + 1)
            return earliest + drawn.astype(np.int64)
        rng = stream(seed, Stage.START_TIME, number)
        return rng.integers(earliest, latest, size=len(slot), dtype=np.int64, endpoint=True)

    def _occupancy_around(
        self, draw: Int64[np.ndarray, "record"], slot: Int64[np.ndarray, "record"]
    ) -> Bool[np.ndarray, "record slot site subchannel"]:
        """Return the occupancy of the slot before, the slot itself and the slot after."""
        slots = self.plan.spec.capture.slots
        near = np.clip(slot[:, None] + np.arange(-1, 2), 0, slots - 1)
        around = np.empty((len(slot), 3, self.plan.sites, self.plan.spec.waveform.subchannels), bool)
        for number in np.unique(draw):
            rows = draw == number
            around[rows] = self._occupancy(int(number)).at(near[rows])
        return around

    def _payload_keys(self, record: Int64[np.ndarray, "record"]) -> UInt64[np.ndarray, "record site 2"]:
        counter = np.empty((len(record), self.plan.sites, 2), np.uint64)
        # A site's payload follows from its key and absolute time: with one key it repeats in every draw.
        counter[..., 0] = 0 if self.plan.spec.capture.payload == "fixed" else record[:, None]
        counter[..., 1] = np.arange(self.plan.sites)
        return words(self._payload_key, counter)


def _db(power: Float64[np.ndarray, "*shape"]) -> Float64[np.ndarray, "*shape"]:
    with np.errstate(divide="ignore"):  # a site that sends nothing has -inf dBm
        level: Float64[np.ndarray, "*shape"] = 10 * np.log10(power)
    return level


def make_shard(recipe: Recipe, shard: Shard) -> xr.Dataset:
    """Return the labelled records of one shard, axis ``record`` first.

    Args:
        recipe: Plan, paths and sites.
        shard: Which records.
    """
    return Workshop(recipe).make_shard(shard)
