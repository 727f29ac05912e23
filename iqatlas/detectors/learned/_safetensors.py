"""The door to safetensors: arrays by name in a file that can hold nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from iqatlas.errors import CorpusError, SetupError

try:
    import safetensors.numpy
    from safetensors import SafetensorError
except ImportError:
    raise SetupError("safetensors is not installed", remedy="pip install 'iqatlas[detectors]'") from None


def stored(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Return arrays as the bytes of a file."""
    made: bytes = safetensors.numpy.save(
        {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    )
    return made


def arrays_in(content: bytes, *, where: str) -> dict[str, np.ndarray]:
    """Return the arrays in the bytes of a file.

    Args:
        content: The bytes.
        where: The file, for messages.

    Raises:
        CorpusError: It is no such file.
    """
    try:
        read = safetensors.numpy.load(content)
    except (SafetensorError, KeyError, ValueError, TypeError):
        raise CorpusError("not a safetensors file", where=where, remedy="get the model again") from None
    # What is read lies in the file's bytes, which PyTorch may not write to.
    return {name: np.array(array) for name, array in read.items()}
