"""The spec: everything that decides a corpus, in one frozen value."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, Field, PrivateAttr, ValidationError, model_validator

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.spec import SplitsSpec, StorageSpec
from iqatlas.channels.spec import CaptureSpec
from iqatlas.errors import MissingFileError, SpecError, nearest
from iqatlas.features.spec import FeaturesSpec
from iqatlas.occupancy.spec import OccupancySpec
from iqatlas.raytracing.spec import RaytracingSpec, SionnaRaytracing
from iqatlas.scenes.spec import BundledSites, HoverReceivers, ReceiversSpec, SceneSpec, SitesSpec
from iqatlas.schema import SpecModel
from iqatlas.waveforms.marine_vhf.channels import band_centre_hz
from iqatlas.waveforms.spec import Carrier, LteWaveform, MarineVhfWaveform, Transmitter, WaveformSpec

_LARGEST_SPEC_BYTES = 1 << 20


class CorpusSpec(SpecModel):
    """What a corpus is asked to be. Without arguments: the demo over central Helsinki."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] = "helsinki-demo"
    """Letters, digits, dots, dashes and underscores; the default folder of the corpus."""
    seed: Annotated[int, Field(ge=0, lt=1 << 63)] = 7
    """Every random number of the corpus comes from it."""
    scene: SceneSpec = SceneSpec()
    sites: SitesSpec = BundledSites()
    receivers: ReceiversSpec = HoverReceivers()
    carrier: Carrier = Carrier(earfcn=1617)
    raytracing: RaytracingSpec = SionnaRaytracing()
    waveform: WaveformSpec = LteWaveform()
    transmitter: Transmitter = Transmitter()
    occupancy: OccupancySpec = OccupancySpec()
    capture: CaptureSpec = CaptureSpec()
    features: FeaturesSpec = FeaturesSpec()
    storage: StorageSpec = StorageSpec()
    splits: SplitsSpec = SplitsSpec()

    _folder: Path = PrivateAttr(default_factory=Path.cwd)

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
    def from_yaml(cls, path: str | Path, *, overrides: Sequence[str] = ()) -> CorpusSpec:
        """Read a spec from a YAML file.

        Args:
            path: The file; relative paths in it are relative to its folder.
            overrides: Values that replace those of the file, as ``a.b=c``.

        Raises:
            MissingFileError: There is no such file.
            SpecError: The file is not YAML, or a key or value is not accepted.
        """
        path = Path(path)
        if not path.is_file():
            raise MissingFileError("no such spec file", where=str(path))
        if path.stat().st_size > _LARGEST_SPEC_BYTES:
            raise SpecError("a spec is a small text file; this one is over 1 MiB", where=str(path))
        try:
            tree = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as failure:
            raise SpecError(f"not plain YAML ({_yaml_reason(failure)})", where=str(path)) from None
        return cls.from_tree(tree or {}, where=str(path), folder=path.parent, overrides=overrides)

    @classmethod
    def from_tree(
        cls,
        tree: object,
        *,
        where: str = "spec",
        folder: Path | None = None,
        overrides: Sequence[str] = (),
    ) -> CorpusSpec:
        """Make a spec from nested dictionaries.

        Args:
            tree: What a YAML file would hold.
            where: Where it comes from, for messages.
            folder: Folder that relative paths are relative to; the current one without it.
            overrides: Values that replace those of the tree, as ``a.b=c``.

        Raises:
            SpecError: A key or value is not accepted.
        """
        if not isinstance(tree, dict):
            raise SpecError(f"a spec is a mapping of keys to values, not {type(tree).__name__}", where=where)
        for override in overrides:
            tree = _override(tree, override)
        try:
            spec = cls.model_validate(tree)
        except ValidationError as failure:
            raise _spec_error(failure, where) from None
        spec._folder = (folder or Path.cwd()).resolve()
        return spec

    def tree(self) -> dict[str, Any]:
        """Return the spec as plain JSON values, every default filled in."""
        return self.model_dump(mode="json")

    def sha256(self) -> str:
        """Return the hash of the spec, every default filled in."""
        return sha256_json(self.tree())


class _PlainLoader(yaml.SafeLoader):
    """YAML without tags, without aliases (which can expand without bound), without repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.composer.ComposerError(None, None, "aliases are not accepted", self.get_mark())
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key_node, _ in node.value:
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key_node.value!r} is there twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _yaml_reason(failure: Exception) -> str:
    if isinstance(failure, yaml.MarkedYAMLError) and failure.problem_mark is not None:
        mark = failure.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {failure.problem}"
    return str(failure).splitlines()[0] if str(failure) else type(failure).__name__


def _override(tree: Mapping[str, Any], override: str) -> dict[str, Any]:
    path, equals, text = override.partition("=")
    keys = path.strip().split(".")
    if not equals or not all(keys):
        raise SpecError(f"{override!r} is not an override", where="--set", accepted="key.key=value")
    try:
        value = yaml.load(text, Loader=_PlainLoader)
    except yaml.YAMLError as failure:
        raise SpecError(f"the value is not YAML ({_yaml_reason(failure)})", where=f"--set {path}") from None
    changed: dict[str, Any] = dict(tree)
    level = changed
    for key in keys[:-1]:
        below = level.get(key)
        level[key] = dict(below) if isinstance(below, Mapping) else {}
        level = level[key]
    level[keys[-1]] = value
    return changed


def _spec_error(failure: ValidationError, where: str) -> SpecError:
    errors = failure.errors(include_url=False)
    # A misspelt key often makes others fail too: name the key first.
    # Of the branches of a union, the one that got deepest is the one that was meant.
    unknown = next((e for e in errors if e["type"] == "extra_forbidden"), None)
    error = unknown or max(errors, key=lambda e: len(e["loc"]))
    location, models = _locate(error["loc"])
    place = f"{where}: {'.'.join(location)}" if location else where
    if error["type"] == "extra_forbidden":
        known = sorted({name for model in models for name in model.model_fields})
        near = nearest(location[-1], known)
        hint = f", did you mean {near!r}?" if near else ""
        return SpecError(f"unknown key{hint}", where=place, accepted=", ".join(known))
    if error["type"] in {"union_tag_invalid", "union_tag_not_found"}:
        kinds = str(error["ctx"].get("expected_tags", "")) if "ctx" in error else ""
        accepted = kinds or ", ".join(repr(kind) for model in models for kind in _kinds(model))
        given = error.get("ctx", {}).get("tag")
        what = f"unknown kind {given!r}" if given else "the key 'kind' is missing"
        return SpecError(what, where=place, accepted=accepted or None)
    if error["type"] == "missing":
        return SpecError("this key is needed", where=place)
    message = error["msg"].removeprefix("Value error, ")
    message = re.sub(r"a valid dictionary or instance of \w+", "a mapping of keys to values", message)
    if message[1:2].islower():
        message = message[:1].lower() + message[1:]
    given = error["input"]
    shown = "" if isinstance(given, dict | BaseModel) else f"{given!r}: "
    return SpecError(f"{shown}{message}", where=place)


def _locate(location: tuple[int | str, ...]) -> tuple[list[str], list[type[BaseModel]]]:
    """Return the user's keys in an error's location, and the models that hold the last of them."""
    keys: list[str] = []
    models: list[type[BaseModel]] = [CorpusSpec]
    for element in location:
        by_kind = [model for model in models if element in _kinds(model)]
        if by_kind and keys:
            models = by_kind
            continue
        holders = [model for model in models if element in model.model_fields]
        if isinstance(element, int):
            keys.append(str(element))
        elif holders:
            keys.append(element)
            if element is not location[-1]:
                models = [m for h in holders for m in _models(h.model_fields[element].annotation)] or models
        elif element is location[-1] and not any(mark in element for mark in "[(- "):
            keys.append(element)
    return keys, models


def _kinds(model: type[BaseModel]) -> tuple[str, ...]:
    field = model.model_fields.get("kind")
    return tuple(str(kind) for kind in get_args(field.annotation)) if field else ()


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, types.UnionType, tuple):
        for inner in get_args(annotation):
            yield from _models(inner)
