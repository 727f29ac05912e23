"""What is stored beside the weights of a detector: all that it needs, and where it comes from."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from iqatlas.catalogs.manifest import Sha256
from iqatlas.detectors.learned.score_calibration import Calibration
from iqatlas.detectors.learned.spec import DetectorSpec, TrainingSpec
from iqatlas.features.scaling import Scaling
from iqatlas.features.setting import CaptureSetting

Hertz = Annotated[float, Field(gt=-1e12, lt=1e12)]
Count = Annotated[int, Field(ge=0, le=1 << 60)]
Share = Annotated[float, Field(ge=0, le=1)] | None


class _CardModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True)


class StoredSetting(_CardModel):
    """The captures that a detector was made for."""

    samples: Annotated[int, Field(ge=16, le=65536)]
    """Samples that it looks at."""
    sample_rate_hz: Annotated[Hertz, Field(gt=0)]
    subchannel_edges_hz: Annotated[tuple[tuple[Hertz, Hertz], ...], Field(min_length=1, max_length=1000)]
    """Lower and upper edge of each sub-channel, relative to the carrier."""

    def capture_setting(self) -> CaptureSetting:
        """Return it as features take it."""
        return CaptureSetting(
            self.samples, self.sample_rate_hz, np.array(self.subchannel_edges_hz, np.float64)
        )


class Origin(_CardModel):
    """A corpus that a detector has learned from."""

    name: str
    manifest_sha256: Sha256


class Epoch(_CardModel):
    """A pass over the training split."""

    training_loss: float
    """Mean binary cross-entropy of the batches, each before it was learned from."""
    validation_loss: float
    """Of the whole validation split, after the epoch."""


class TrainingReport(_CardModel):
    """What training has cost, and how it went."""

    parameters: Count
    """Numbers that were found: weights of a net, or leaves and thresholds of trees."""
    samples: Count
    """Captures of the training split: one receiver of one record each."""
    validation_samples: Count
    """Captures of the validation split."""
    best_epoch: Annotated[int, Field(ge=1)]
    """The epoch whose weights were kept, counted from one; an epoch of boosted trees is ten trees."""
    seconds: Annotated[float, Field(ge=0)]
    """Wall-clock time, reading included."""
    stopped_by: Literal["epochs", "patience", "budget"]
    """What ended it."""
    epochs: Annotated[tuple[Epoch, ...], Field(min_length=1)]
    """Each epoch, in order; of boosted trees, each ten trees."""

    @model_validator(mode="after")
    def _has_its_best(self) -> TrainingReport:
        if self.best_epoch > len(self.epochs):
            raise ValueError("the best epoch is none of them")
        return self

    @property
    def best(self) -> Epoch:
        """The epoch whose weights were kept."""
        return self.epochs[self.best_epoch - 1]


class ScoreRow(_CardModel):
    """F1 at one SNR level and receiver, of the detector and of those beside it."""

    snr_level_db: float | None
    """SNR level asked for; null for thermal noise."""
    receiver: str
    captures: Count
    f1_occupied: Share
    f1_hole: Share
    energy: Share
    """F1 occupied of the energy detector that knows the noise, at a P_FA of 0.1."""
    all_ones: Share
    """F1 occupied of the detector that takes all for occupied."""
    prior: Share
    """F1 occupied of a coin that knows how often sub-channels are occupied."""


class ModelCard(_CardModel):
    """Everything about a detector but its weights."""

    format: Literal["iqatlas-model"] = "iqatlas-model"
    format_version: Literal[1] = 1
    detector: DetectorSpec
    training: TrainingSpec
    setting: StoredSetting
    scaling: Scaling | None
    """Centre and spread of what a net looks at, by the training split; trees need none."""
    calibration: Calibration | None
    """From the score of trees to a probability; a net's is the logistic."""
    report: TrainingReport
    corpora: Annotated[tuple[Origin, ...], Field(min_length=1)]
    versions: dict[str, str]
    """Of the libraries that took part."""
    scores: tuple[ScoreRow, ...] = ()
    """On the test split of the corpus that it has learned from."""
