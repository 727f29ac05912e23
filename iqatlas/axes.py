"""Names, order, units and meaning of every variable and axis of a corpus, in one table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Quantity:
    """A variable or coordinate of a corpus.

    Args:
        dims: Axes in order.
        dtype: NumPy data type as stored.
        units: Units as CF spells them; ``1`` for counts and flags.
        long_name: What it is, in a few words.
        comment: What a reader has to know to use it rightly, or empty.
    """

    dims: tuple[str, ...]
    dtype: str
    units: str
    long_name: str
    comment: str = ""

    def attributes(self) -> dict[str, str]:
        """Return the attributes that go with the stored array."""
        attributes = {"units": self.units, "long_name": self.long_name}
        return {**attributes, "comment": self.comment} if self.comment else attributes


RECORD = "record"
RECORD_NUMBER = "record_number"
"""Coordinate of an opened corpus, which no store holds: a part of it still says which records it holds."""

QUANTITIES: dict[str, Quantity] = {
    "iq": Quantity(
        ("record", "receiver", "sample"),
        "complex64",
        "mW^0.5",
        "received complex baseband at the antenna port",
        "mean(|iq|^2) is the received power in mW over the sampling bandwidth, noise included",
    ),
    "signal": Quantity(
        ("record", "receiver", "sample"),
        "complex64",
        "mW^0.5",
        "what iq holds of the transmitters",
        "with the receiver's oscillator and clock, before mixer and converters; iq = signal + noise "
        "where those are ideal",
    ),
    "noise": Quantity(
        ("record", "receiver", "sample"), "complex64", "mW^0.5", "what iq holds of the receiver's noise"
    ),
    "occupancy": Quantity(
        ("record", "site", "subchannel"), "bool", "1", "what each site sends: 1 occupied, 0 vacant"
    ),
    "label": Quantity(
        ("record", "subchannel"),
        "bool",
        "1",
        "whether any site occupies the sub-channel: 1 occupied, 0 vacant",
        "the OR of occupancy over the sites",
    ),
    "signal_power": Quantity(
        ("record", "receiver", "site"),
        "float32",
        "dBm",
        "received power of each site",
        "mean over the transformed block that holds the capture; -inf where a site sends nothing",
    ),
    "noise_power": Quantity(
        ("record", "receiver"),
        "float32",
        "dBm",
        "receiver noise power over the sampling bandwidth",
        "the variance that the noise is drawn with; constant over the slots of an SNR level",
    ),
    "snr": Quantity(
        ("record", "receiver"),
        "float32",
        "dB",
        "signal-to-noise ratio as realised in the capture",
        "power of the noise-free capture over the noise in the bandwidth of the sub-channels "
        "(noise_bandwidth_hz); -inf where nothing is received",
    ),
    "slot": Quantity(("record",), "int64", "1", "occupancy slot within the draw"),
    "time": Quantity(("record",), "float64", "s", "start of the capture within the draw"),
    "draw": Quantity(("record",), "int64", "1", "independent repetition"),
    "waypoint": Quantity(("record",), "int64", "1", "where the receivers are: index into the waypoints"),
    "split": Quantity(
        ("record",),
        "str",
        "1",
        "train, validation, test, or guard: the gap between splits, left out of all of them",
    ),
    "snr_level": Quantity(
        ("record",),
        "float32",
        "dB",
        "signal-to-noise ratio asked for, at full load",
        "noise counted in the bandwidth of the sub-channels; NaN for thermal noise",
    ),
    "spectrogram": Quantity(
        ("record", "receiver", "frame", "frequency"),
        "float32",
        "dBm/Hz",
        "power spectral density of Hann-windowed segments",
    ),
    "receiver": Quantity(("receiver",), "str", "1", "name of the UAV"),
    "receiver_split": Quantity(
        ("receiver",), "str", "1", "split of the receiver: for use in the records of the same split"
    ),
    "carrier_offset": Quantity(
        ("receiver",), "float64", "Hz", "by how much the receiver's oscillator is too high"
    ),
    "sampling_offset": Quantity(
        ("receiver",), "float64", "1e-6", "by how much the receiver's sampling clock is too fast"
    ),
    "iq_gain": Quantity(("receiver",), "float64", "dB", "gain of the Q branch over the I branch"),
    "iq_phase": Quantity(("receiver",), "float64", "degrees", "error of the quadrature of I and Q"),
    "dc_power": Quantity(
        ("receiver",), "float64", "dBm", "power of the constant that the receiver adds", "-inf for none"
    ),
    "site": Quantity(("site",), "str", "1", "name of the transmitter site"),
    "site_split": Quantity(
        ("site",), "str", "1", "split of the site: it is silent in the records of other splits"
    ),
    "subchannel": Quantity(("subchannel",), "int64", "1", "sub-channel, by rising frequency"),
    "subchannel_lower": Quantity(
        ("subchannel",), "float64", "Hz", "lower edge of the sub-channel relative to the carrier"
    ),
    "subchannel_upper": Quantity(
        ("subchannel",), "float64", "Hz", "upper edge of the sub-channel relative to the carrier"
    ),
    "sample_time": Quantity(("sample",), "float64", "s", "time of the sample from the start of the capture"),
    "frame_time": Quantity(("frame",), "float64", "s", "middle of the segment from the start of the capture"),
    "frequency": Quantity(("frequency",), "float64", "Hz", "frequency relative to the carrier"),
    "waypoint_time": Quantity(("waypoint",), "float64", "s", "time of the waypoint"),
    "latitude": Quantity(("waypoint", "receiver"), "float64", "degrees_north", "latitude of the UAV"),
    "longitude": Quantity(("waypoint", "receiver"), "float64", "degrees_east", "longitude of the UAV"),
    "altitude": Quantity(
        ("waypoint", "receiver"), "float64", "m", "height of the UAV above the ground at the origin"
    ),
    "position": Quantity(
        ("waypoint", "receiver", "xyz"), "float64", "m", "east, north and up in the scene's local frame"
    ),
    "velocity": Quantity(
        ("waypoint", "receiver", "xyz"), "float64", "m/s", "velocity in the scene's local frame"
    ),
}

ARRAY_QUANTITIES: dict[str, Quantity] = {
    "uav": Quantity(("receiver",), "str", "1", "name of the UAV that carries the antenna"),
    "element_position": Quantity(
        ("receiver", "xyz"),
        "float64",
        "m",
        "where the antenna is from the UAV's position: east, north and up",
    ),
}
"""Further coordinates where UAVs carry antenna arrays: a receiver is then one antenna."""

INT16_QUANTITIES: dict[str, Quantity] = {
    "iq": Quantity(
        ("record", "receiver", "sample", "component"),
        "int16",
        "1",
        "received complex baseband at the antenna port, in counts: I, then Q",
        "times iq_scale it is in mW^0.5, at most half a count off; iqatlas.open_corpus gives complex numbers",
    ),
    "iq_scale": Quantity(
        ("record", "receiver"),
        "float32",
        "mW^0.5",
        "amplitude of one count of iq",
        "the largest part of each capture is the largest count; 0 for silence",
    ),
}
"""What takes the place of complex samples where a corpus stores 16-bit integers."""

RECORDED_QUANTITIES: dict[str, Quantity] = {
    "iq": Quantity(
        ("record", "receiver", "sample"),
        "complex64",
        "1",
        "received complex baseband as recorded",
        "1 is the recorder's full scale; what that is at the antenna port is not known",
    ),
    "label": Quantity(
        ("record", "subchannel"),
        "bool",
        "1",
        "whether an annotation of the recording covers the sub-channel: 1 occupied, 0 not annotated",
    ),
    "time": Quantity(("record",), "float64", "s", "start of the capture within the recording"),
    "first_sample": Quantity(("record",), "int64", "1", "first sample of the capture within the recording"),
    "split": QUANTITIES["split"],
    "receiver": Quantity(("receiver",), "str", "1", "name of the recording, or of one of its channels"),
}
"""What a corpus of recordings holds in place of simulated records, and no more: nobody knows its SNR."""

PATH_QUANTITIES: dict[str, Quantity] = {
    "gain": Quantity(
        ("waypoint", "receiver", "site", "path"),
        "complex128",
        "1",
        "complex amplitude gain between antenna ports at the carrier",
        "the phase of the absolute delay is included: baseband response = sum of "
        "gain * exp(-2j*pi*f*delay), f relative to the carrier",
    ),
    "delay": Quantity(("waypoint", "receiver", "site", "path"), "float64", "s", "absolute delay"),
    "doppler": Quantity(("waypoint", "receiver", "site", "path"), "float64", "Hz", "Doppler shift"),
    "departure_azimuth": Quantity(
        ("waypoint", "receiver", "site", "path"),
        "float64",
        "degrees",
        "azimuth of departure, from east towards north",
    ),
    "departure_zenith": Quantity(
        ("waypoint", "receiver", "site", "path"), "float64", "degrees", "zenith angle of departure"
    ),
    "arrival_azimuth": Quantity(
        ("waypoint", "receiver", "site", "path"),
        "float64",
        "degrees",
        "azimuth that the path comes from, from east towards north",
    ),
    "arrival_zenith": Quantity(
        ("waypoint", "receiver", "site", "path"),
        "float64",
        "degrees",
        "zenith angle that the path comes from",
    ),
    "interaction": Quantity(
        ("waypoint", "receiver", "site", "path", "depth"),
        "int8",
        "1",
        "kind of each interaction",
        "0 none, 1 reflection, 2 diffuse, 3 refraction, 4 diffraction",
    ),
    "vertex": Quantity(
        ("waypoint", "receiver", "site", "path", "depth", "xyz"),
        "float64",
        "m",
        "point of each interaction in the scene's local frame",
    ),
    "valid": Quantity(("waypoint", "receiver", "site", "path"), "bool", "1", "whether there is a path"),
}
