"""The one door to TensorFlow: records as a ``tf.data.Dataset``, in the order of the PyTorch stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from iqatlas.catalogs.epoch_order import EpochOrder, Part
from iqatlas.catalogs.item_batches import batches
from iqatlas.catalogs.load_request import LoadRequest
from iqatlas.catalogs.record_reader import RecordReader
from iqatlas.errors import SetupError

try:
    import tensorflow as tf
except ImportError:
    raise SetupError("TensorFlow is not installed", remedy="pip install 'iqatlas[tensorflow]'") from None

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus

_UNBATCHED = 64
"""Single items that are handed over at once: a call costs half a millisecond."""


@dataclass(frozen=True)
class _Going:
    """An epoch that is being read.

    Args:
        number: Of the epoch, of the items left out of it, and of the batch that is made.
        given: Its batches behind that one.
        ahead: That batch.
    """

    number: tuple[int, int, int]
    given: Iterator[dict[str, np.ndarray]]
    ahead: Future[dict[str, np.ndarray]]


class _Epochs:
    """Batches by the number of their epoch and their own: whoever asks for the next one finds it ready.

    While TensorFlow takes a batch over, which costs as much as reading one, a thread makes the next.

    Args:
        reader: Reads the chunks.
        order: The order of the items.
        part: Who reads.
        batch: Items a batch.
        epoch: The epoch that the first iteration gives.
        skip: Items of that epoch that were taken before.
    """

    def __init__(
        self, reader: RecordReader, order: EpochOrder, part: Part, batch: int, epoch: int, skip: int
    ) -> None:
        self._reader, self._order, self._part, self._batch = reader, order, part, batch
        self._epoch, self._skip = epoch, skip
        none = np.empty(0, np.int64)
        self.nothing = reader.read(none, none).items(none)
        self._lock = Lock()
        self._thread = ThreadPoolExecutor(1)
        self._going: _Going | None = None

    def batch(
        self, epoch: np.int64 | int, skip: np.int64 | int, number: np.int64 | int
    ) -> tuple[np.ndarray, ...]:
        """Return an epoch's number and the items left out of it, and a batch: an empty one behind the last.

        Args:
            epoch: Number of the epoch; a negative one begins the next.
            skip: Items that are left out before the first batch.
            number: Of the batch.

        Raises:
            CorpusError: The corpus was changed since it was opened.
        """
        with self._lock:
            if epoch < 0:
                self._reader.check()
                epoch, skip = self._epoch, self._skip
                self._epoch, self._skip = self._epoch + 1, 0
            asked = (int(epoch), int(skip), int(number))
            going, self._going = self._going, None
            if going is not None and going.number == asked:
                given, arrays = going.given, going.ahead.result()
            else:
                if going is not None:
                    wait([going.ahead])  # two do not read at once
                left_out = asked[1] + asked[2] * self._batch
                readings = self._order.readings(asked[0], self._part, skip=left_out)
                given = batches(self._reader, readings, self._batch)
                arrays = next(given, self.nothing)
            ahead = self._thread.submit(next, given, self.nothing)
            self._going = _Going((*asked[:2], asked[2] + 1), given, ahead)
            return np.array([epoch, skip], np.int64), *arrays.values()


def tf_dataset(
    members: Sequence[Corpus],
    request: LoadRequest,
    *,
    transform: Callable[[Any], Any] | None,
    shuffle: bool,
    seed: int,
    buffer: int,
    batch: int | None,
    ranks: tuple[int, int],
    even: bool,
    epoch: int,
    skip: int,
) -> tf.data.Dataset:
    """Return the records of a request as a data set that gives the next epoch each time it is iterated.

    Args:
        members: The corpora.
        request: What to read.
        transform: Mapped over items, or batches.
        shuffle: Whether the order is random.
        seed: Of the order.
        buffer: Items that are shuffled among each other.
        batch: Items a batch; None for single items.
        ranks: Number of this process, and of all that train.
        even: Whether all ranks give as many items.
        epoch: The epoch that the first iteration gives.
        skip: Items, or batches, of that epoch that were taken before.

    Raises:
        CorpusError: A corpus was changed since it was opened, or ranks can't be even. What is changed later
            ends an iteration in ``tf.errors.InvalidArgumentError``, whose first line says so.
        SetupError: A variable is text.
    """
    reader = RecordReader(members, request)
    reader.check()
    order = EpochOrder(request.rows, request.edges, request.each, shuffle, seed, buffer, even)
    part, size = Part(*ranks), batch or _UNBATCHED
    epochs = _Epochs(reader, order, part, size, epoch, skip * (batch or 1))
    like = epochs.nothing
    text = next((name for name, values in like.items() if values.dtype.kind in "UOT"), None)
    if text is not None:
        raise SetupError(f"{text} is text, which is no tensor here", remedy="leave it out of variables")
    types = [tf.int64, *(values.dtype for values in like.values())]

    def next_batch(begun: Any, number: Any) -> tuple[Any, dict[str, Any]]:
        now, *given = tf.numpy_function(epochs.batch, [begun[0], begun[1], number], types)
        now.set_shape((2,))
        for tensor, values in zip(given, like.values(), strict=True):
            tensor.set_shape((None, *values.shape[1:]))
        return now, dict(zip(like, given, strict=True))

    count = -(-order.items_of(epoch, part) // size)
    same = ranks[1] == 1 and not skip
    # Chunks differ in size, and with them the shares of several ranks: they end where a batch is empty.
    numbers = tf.data.Dataset.range(count if same else len(request.rows) * request.each + 1)
    whole = numbers.scan(np.array([-1, 0], np.int64), next_batch)
    if not same:
        whole = whole.take_while(lambda arrays: tf.shape(arrays[next(iter(like))])[0] > 0)
    if batch is None:
        whole = whole.unbatch()
    if same:
        # Keras shows how far an epoch is where it knows how long it is.
        items = order.items_of(epoch, part)
        whole = whole.apply(tf.data.experimental.assert_cardinality(-(-items // (batch or 1))))
    if transform is not None:
        whole = whole.map(transform)
    return whole.prefetch(tf.data.AUTOTUNE)
