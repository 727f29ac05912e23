"""The spec: everything that decides a corpus, in one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from iqatlas.catalogs.about import AboutSpec
from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.spec import SplitsSpec, StorageSpec
from iqatlas.channels.front_end_spec import ReceiverFrontEnd
from iqatlas.channels.spec import CaptureSpec
from iqatlas.errors import MissingFileError, SpecError
from iqatlas.features.spec import FeaturesSpec
from iqatlas.generators.default_kinds import fill_default_kinds
from iqatlas.generators.overrides import apply_overrides
from iqatlas.generators.plain_yaml import read_plain_yaml
from iqatlas.occupancy.spec import MarkovOccupancy, OccupancySpec
from iqatlas.raytracing.spec import RaytracingSpec, SionnaRaytracing
from iqatlas.scenes.spec import BundledSites, HoverReceivers, ReceiversSpec, SceneSpec, SitesSpec
from iqatlas.schema import SpecModel
from iqatlas.spec_errors import spec_error
from iqatlas.user_paths import current_folder, user_path
from iqatlas.waveforms.marine_vhf.channels import band_centre_hz
from iqatlas.waveforms.spec import Carrier, LteWaveform, MarineVhfWaveform, Transmitter, WaveformSpec

_LARGEST_SPEC_BYTES = 1 << 20


def _unheard(line: str) -> None:
    del line


class CorpusSpec(SpecModel):
    """What a corpus is asked to be. Without arguments: the demo over central Helsinki."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = "helsinki-demo"
    """Letters, digits, dots, dashes and underscores; the default folder of the corpus."""
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 7
    """Every random number of the corpus comes from it."""
    scene: SceneSpec = SceneSpec()
    """The city."""
    sites: SitesSpec = BundledSites()
    """Its transmitters."""
    receivers: ReceiversSpec = HoverReceivers()
    """The UAVs that listen."""
    carrier: Carrier = Carrier(earfcn=1617)
    """Where in the spectrum."""
    raytracing: RaytracingSpec = SionnaRaytracing()
    """How the radio paths are found."""
    waveform: WaveformSpec = LteWaveform()
    """What the sites send."""
    transmitter: Transmitter = Transmitter()
    """What their transmitters do to it."""
    occupancy: OccupancySpec = MarkovOccupancy()
    """When they send on which sub-channel."""
    receiver: ReceiverFrontEnd = ReceiverFrontEnd()
    """What the receivers of the UAVs do to what their antennas hear."""
    capture: CaptureSpec = CaptureSpec()
    """What is recorded, and how noisy."""
    features: FeaturesSpec = FeaturesSpec()
    """What is computed from the captures."""
    storage: StorageSpec = StorageSpec()
    """How the corpus is stored."""
    splits: SplitsSpec = SplitsSpec()
    """Which records are for training, validation and test."""
    about: AboutSpec = AboutSpec()
    """What catalogues and citations say of it."""

    _folder: Path = PrivateAttr(default_factory=current_folder)

    @model_validator(mode="after")
    def _carrier_of_channels(self) -> CorpusSpec:
        # Marine channels lie at fixed frequencies: without a carrier it is the middle of them.
        if isinstance(self.waveform, MarineVhfWaveform) and "carrier" not in self.model_fields_set:
            carrier = Carrier(frequency_hz=band_centre_hz(self.waveform.channels))
            object.__setattr__(self, "carrier", carrier)
        return self

    @property
    def folder(self) -> Path:
        """Folder that relative paths in the spec are relative to."""
        return self._folder

    @classmethod
    def from_yaml(
        cls, path: str | Path, *, overrides: Sequence[str] = (), tell: Callable[[str], None] = _unheard
    ) -> CorpusSpec:
        """Read a spec from a YAML file.

        Args:
            path: The file; relative paths in it are relative to its folder.
            overrides: Values that replace those of the file, as ``a.b=c``; ``a.b=null`` removes one.
            tell: Is given a line where a new ``kind`` leaves keys of the file without use.

        Raises:
            MissingFileError: There is no such file, or no current folder any more.
            SpecError: The file is not YAML, or a key or value is not accepted.
        """
        path = user_path(path)
        if not path.is_file():
            raise MissingFileError("no such spec file", where=str(path))
        if path.stat().st_size > _LARGEST_SPEC_BYTES:
            raise SpecError("a spec is a small text file; this one is over 1 MiB", where=str(path))
        try:
            tree = read_plain_yaml(path.read_bytes().decode(), where=str(path))
        except OSError as failure:
            raise SpecError(f"the file can't be read ({failure.strerror})", where=str(path)) from None
        except UnicodeDecodeError:
            raise SpecError("not a text file in UTF-8", where=str(path), accepted="plain YAML") from None
        # An empty file asks for nothing but defaults.
        return cls.from_tree(
            {} if tree is None else tree,
            where=str(path),
            folder=path.parent,
            overrides=overrides,
            tell=tell,
        )

    @classmethod
    def from_tree(
        cls,
        tree: object,
        *,
        where: str = "spec",
        folder: Path | None = None,
        overrides: Sequence[str] = (),
        tell: Callable[[str], None] = _unheard,
    ) -> CorpusSpec:
        """Make a spec from nested dictionaries.

        Args:
            tree: What a YAML file would hold.
            where: Where it comes from, for messages.
            folder: Folder that relative paths are relative to; the current one without it.
            overrides: Values that replace those of the tree, as ``a.b=c``; ``a.b=null`` removes one.
            tell: Is given a line where a new ``kind`` leaves keys of the tree without use.

        Raises:
            SpecError: A key or value is not accepted.
            MissingFileError: There is no current folder any more.
        """
        if not isinstance(tree, dict):
            raise SpecError(f"a spec is a mapping of keys to values, not {type(tree).__name__}", where=where)
        tree = apply_overrides(cls, tree, overrides, tell=tell)
        try:
            spec = cls.model_validate(fill_default_kinds(cls, tree))
        except ValidationError as failure:
            raise spec_error(cls, failure, where) from None
        spec._folder = (folder or current_folder()).resolve()
        return spec

    def tree(self) -> dict[str, Any]:
        """Return the spec as plain JSON values, every default filled in."""
        return self.model_dump(mode="json")

    def sha256(self) -> str:
        """Return the hash of the spec, every default filled in."""
        return sha256_json(self.tree())
