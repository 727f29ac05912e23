"""The loaders that one corpus and several have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from iqatlas.catalogs.asked_values import counted, seed_number, switches, whole_number
from iqatlas.catalogs.load_request import FeatureOptions, SampleWindow, load_request
from iqatlas.errors import CorpusError

if TYPE_CHECKING:
    import pandas as pd
    import tensorflow
    import torch.utils.data

    from iqatlas.catalogs.corpus import Corpus

_BUFFER = 2048


class Loaders(ABC):
    """What reads records into arrays, tables and tensors."""

    @property
    @abstractmethod
    def members(self) -> tuple[Corpus, ...]:
        """The corpora, in order."""

    @overload
    def numpy(
        self,
        *,
        split: str | None = ...,
        variables: Sequence[str] = ...,
        receivers: Sequence[str] | None = ...,
        window: SampleWindow | None = ...,
        groups: bool = ...,
        features: FeatureOptions | None = ...,
        xy: Literal[False] = ...,
    ) -> dict[str, np.ndarray]: ...

    @overload
    def numpy(
        self,
        *,
        split: str | None = ...,
        variables: Sequence[str] = ...,
        receivers: Sequence[str] | None = ...,
        window: SampleWindow | None = ...,
        groups: bool = ...,
        features: FeatureOptions | None = ...,
        xy: Literal[True],
    ) -> tuple[np.ndarray, np.ndarray]: ...

    def numpy(
        self,
        *,
        split: str | None = None,
        variables: Sequence[str] = ("iq", "label"),
        receivers: Sequence[str] | None = None,
        window: SampleWindow | None = None,
        groups: bool = True,
        features: FeatureOptions | None = None,
        xy: bool = False,
    ) -> dict[str, np.ndarray] | tuple[np.ndarray, np.ndarray]:
        """Return records as arrays in memory.

        Args:
            split: ``train``, ``validation`` or ``test``; all records without it.
            variables: Names of variables over the records, of features, worked out if they aren't stored, and
                of the numbers ``record``, ``receiver_index`` and ``city_index``, which tell where it is from.
            receivers: Names of the receivers to keep, in this order. Without it all of them, or those of
                the split where receivers have splits of their own.
            window: Samples to keep of each capture: the first so many, or (first sample, number of samples).
            groups: Whether all receivers of a record stay together, or each is an item of its own.
            features: Features to work out from the I/Q, with options: ``{"tabular": {"nperseg": 64}}``. Those
                that ``variables`` doesn't name come before it.
            xy: Whether to return what scikit-learn takes: (X, y) of the last variable, y, and those before
                it, X. X is [item, column], complex numbers as real and then imaginary parts; y is [item, …].

        Returns:
            An array a variable, [item, …]; or (X, y).

        Raises:
            CorpusError: An unknown split, variable or receiver, a window beyond the capture, or a corpus
                that was changed since it was opened.
            SpecError: Options that a feature, or the captures, don't allow.
        """
        from iqatlas.catalogs.record_arrays import columns_and_labels, read_arrays

        switches(xy=xy)
        request = load_request(
            self.members,
            split=split,
            variables=variables,
            receivers=receivers,
            window=window,
            groups=groups,
            features=features,
        )
        if xy and len(request.variables) < 2:
            raise CorpusError("(X, y) is of two variables or more", accepted="the last of them is y")
        arrays = read_arrays(self.members, request)
        return columns_and_labels(arrays) if xy else arrays

    def to_pandas(self, *, split: str | None = None) -> pd.DataFrame:
        """Return what each record is and how it is labelled, a row a record, without samples.

        Columns are those of ``records.parquet``; label and SNR have a column each sub-channel and receiver:
        ``label_0``, ``snr_uav0_db``. Of several corpora, ``city`` is the first.

        Args:
            split: ``train``, ``validation`` or ``test``; all records without it.

        Raises:
            CorpusError: An unknown split.
        """
        from iqatlas.catalogs.record_arrays import label_table

        return label_table(self.members, split)

    def torch(
        self,
        *,
        split: str | None = None,
        variables: Sequence[str] = ("iq", "label"),
        receivers: Sequence[str] | None = None,
        window: SampleWindow | None = None,
        groups: bool = True,
        features: FeatureOptions | None = None,
        transform: Callable[[Any], Any] | None = None,
        iterable: bool = False,
        shuffle: bool | None = None,
        seed: int | None = None,
        buffer: int | None = None,
        batch: int | None = None,
        rank: int | None = None,
        world: int | None = None,
        even: bool = False,
    ) -> torch.utils.data.Dataset[Any]:
        """Return a PyTorch data set over the records; one item is a dict of tensors.

        Args:
            split: ``train``, ``validation`` or ``test``; all records without it.
            variables: What an item holds: see :meth:`numpy`.
            receivers: Names of the receivers to keep, in this order. Without it all of them, or those
                of the split where receivers have splits of their own.
            window: Samples to keep of each capture: the first so many, or (first sample, number of samples).
            groups: Whether an item is a record with all its receivers, or one receiver of a record.
            features: Features to work out from the I/Q with options: see :meth:`numpy`.
            transform: Called with each item, or with each batch where ``batch`` is given.
            iterable: Whether to return an ``IterableDataset``, which reads whole storage chunks.
            shuffle: Iterable: whether chunks, and items inside the buffer, come in random order; true
                without it.
            seed: Iterable: of the order; 0 without it.
            buffer: Iterable: items that are shuffled among each other; 2048 without it.
            batch: Iterable: items a batch, for a ``DataLoader`` with ``batch_size=None``; single items
                without it.
            rank: Iterable: number of this process among those that train; without it as
                ``torch.distributed`` says.
            world: Iterable: number of those processes.
            even: Iterable: whether all ranks give as many items, what some have more being left out.

        Raises:
            CorpusError: An unknown split, variable or receiver, a window beyond the capture, or an option
                of the iterable data set without ``iterable``.
            SpecError: Options that a feature, or the captures, don't allow.
            SetupError: PyTorch is not installed.
        """
        # One request is checked here, in the user's process, not in a loader's worker.
        request = load_request(
            self.members,
            split=split,
            variables=variables,
            receivers=receivers,
            window=window,
            groups=groups,
            features=features,
        )
        switches(iterable=iterable, even=even, shuffle=True if shuffle is None else shuffle)
        ordering = {"shuffle": shuffle, "seed": seed, "buffer": buffer, "batch": batch}
        given = [
            name for name, value in {**ordering, "rank": rank, "world": world}.items() if value is not None
        ] + ["even"] * even
        if given and not iterable:
            raise CorpusError(
                f"{', '.join(given)} would change nothing in a map-style data set",
                accepted="iterable=True with these",
                remedy="or let the DataLoader shuffle and batch",
            )
        _called(transform)
        seed = seed_number(0 if seed is None else seed)
        buffer = counted("buffer", _BUFFER if buffer is None else buffer)
        batch = None if batch is None else counted("batch", batch)
        ranks = _ranks(rank, world)
        from iqatlas.catalogs._torch import RecordDataset, RecordStream

        if not iterable:
            return RecordDataset(self.members, request, transform=transform)
        return RecordStream(
            self.members,
            request,
            transform=transform,
            shuffle=True if shuffle is None else shuffle,
            seed=seed,
            buffer=buffer,
            batch=batch,
            ranks=ranks,
            even=even,
        )

    def tf(
        self,
        *,
        split: str | None = None,
        variables: Sequence[str] = ("iq", "label"),
        receivers: Sequence[str] | None = None,
        window: SampleWindow | None = None,
        groups: bool = True,
        features: FeatureOptions | None = None,
        transform: Callable[[Any], Any] | None = None,
        shuffle: bool = True,
        seed: int = 0,
        buffer: int = _BUFFER,
        batch: int | None = None,
        rank: int | None = None,
        world: int | None = None,
        even: bool = False,
        epoch: int = 0,
        skip: int = 0,
    ) -> tensorflow.data.Dataset:
        """Return a ``tf.data.Dataset`` over the records, which reads ahead; one item is a dict of tensors.

        The order is that of the PyTorch stream of the same seed, buffer and epoch. Each iteration gives the
        next epoch.

        Args:
            split: ``train``, ``validation`` or ``test``; all records without it.
            variables: What an item holds: see :meth:`numpy`.
            receivers: Names of the receivers to keep, in this order. Without it all of them, or those
                of the split where receivers have splits of their own.
            window: Samples to keep of each capture: the first so many, or (first sample, number of samples).
            groups: Whether an item is a record with all its receivers, or one receiver of a record.
            features: Features to work out from the I/Q with options: see :meth:`numpy`.
            transform: Mapped over items, or over batches where ``batch`` is given; TensorFlow traces it.
            shuffle: Whether chunks, and items inside the buffer, come in random order.
            seed: Of the order.
            buffer: Items that are shuffled among each other.
            batch: Items a batch; single items without it.
            rank: Number of this process among those that train; 0 without it.
            world: Number of those processes.
            even: Whether all ranks give as many items, what some have more being left out.
            epoch: Number of the epoch that the first iteration gives.
            skip: Items, or batches where ``batch`` is given, of that epoch that were taken before: it goes on
                behind them.

        Raises:
            CorpusError: An unknown split, variable or receiver, a window beyond the capture, or a number that
                can't be.
            SpecError: Options that a feature, or the captures, don't allow.
            SetupError: TensorFlow is not installed.
        """
        request = load_request(
            self.members,
            split=split,
            variables=variables,
            receivers=receivers,
            window=window,
            groups=groups,
            features=features,
        )
        switches(shuffle=shuffle, even=even)
        _called(transform)
        seed, buffer = seed_number(seed), counted("buffer", buffer)
        batch = None if batch is None else counted("batch", batch)
        epoch, skip = whole_number("epoch", epoch), whole_number("skip", skip)
        for name, number in (("epoch", epoch), ("skip", skip)):
            if number < 0:
                raise CorpusError(f"{name} is {number}", accepted="0 or more")
        ranks = _ranks(rank, world)
        from iqatlas.catalogs._tensorflow import tf_dataset

        return tf_dataset(
            self.members,
            request,
            transform=transform,
            shuffle=shuffle,
            seed=seed,
            buffer=buffer,
            batch=batch,
            ranks=ranks or (0, 1),
            even=even,
            epoch=epoch,
            skip=skip,
        )


def _called(transform: object) -> None:
    if transform is not None and not callable(transform):
        raise CorpusError(f"transform is {transform!r}", accepted="a function of an item, or of a batch")


def _ranks(rank: int | None, world: int | None) -> tuple[int, int] | None:
    if rank is None and world is None:
        return None
    if rank is None or world is None:
        raise CorpusError("rank and world belong together", accepted="both, or neither")
    return whole_number("rank", rank), whole_number("world", world)
