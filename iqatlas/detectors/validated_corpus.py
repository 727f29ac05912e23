"""What a stored validation is of: which corpus, at which P_FA, and how much of it was looked at."""

from __future__ import annotations

import json
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iqatlas.catalogs.canonical import sha256_json
from iqatlas.catalogs.corpus import Corpus
from iqatlas.catalogs.manifest import Count, Sha256
from iqatlas.detectors.assessment import Assessment

KEY = b"iqatlas_validation"
"""Under which the metadata of ``verdicts.parquet`` hold it."""
_LARGEST_BYTES = 4096


class ValidatedCorpus(BaseModel):
    """What a validation is of."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    manifest_sha256: Sha256
    """Of the corpus, as its manifest states it."""
    false_alarm: Annotated[float, Field(gt=0, lt=1)]
    """P_FA that thresholds were set for."""
    records: Count
    """Records that were looked at."""
    total_records: Count
    """Records of the corpus."""

    def metadata(self) -> dict[bytes, bytes]:
        """Return it as metadata of a Parquet file."""
        return {KEY: json.dumps(self.model_dump(mode="json"), sort_keys=True).encode()}


def validated_corpus(found: Assessment, corpus: Corpus) -> ValidatedCorpus:
    """Return what a validation is of.

    Args:
        found: What detectors made of the corpus.
        corpus: The corpus.
    """
    return ValidatedCorpus(
        manifest_sha256=manifest_sha256(corpus),
        false_alarm=found.false_alarm,
        records=found.records,
        total_records=found.total_records,
    )


def manifest_sha256(corpus: Corpus) -> str:
    """Return the hash that the manifest of a corpus states of itself."""
    return sha256_json(corpus.manifest.model_dump(mode="json"))


def of_metadata(metadata: dict[bytes, bytes] | None) -> ValidatedCorpus | None:
    """Return what the metadata of a Parquet file tell; None where they don't, as of earlier versions.

    Args:
        metadata: Of the file; anybody may have written them.
    """
    told = (metadata or {}).get(KEY)
    if told is None or len(told) > _LARGEST_BYTES:
        return None
    try:
        return ValidatedCorpus.model_validate_json(told)
    except ValidationError:
        return None
