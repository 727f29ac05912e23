"""The one door to PyTorch: records as a data set of tensors, by index or as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from iqatlas.catalogs.epoch_order import EpochOrder, Part, given_by
from iqatlas.catalogs.item_batches import batches, single_items
from iqatlas.catalogs.load_request import LoadRequest
from iqatlas.catalogs.record_reader import RecordReader
from iqatlas.errors import CorpusError, SetupError

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ImportError:
    raise SetupError("PyTorch is not installed", remedy="pip install 'iqatlas[torch]'") from None

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus

Transform = Callable[[Any], Any]


class RecordDataset(Dataset[Any]):
    """A map-style data set over the records of a split.

    Stores are opened in each process on first use, so that the data set can be sent to workers.

    Args:
        members: The corpora.
        request: What to read.
        transform: Called with each item.
    """

    def __init__(
        self, members: Sequence[Corpus], request: LoadRequest, *, transform: Transform | None = None
    ) -> None:
        self._request, self._transform = request, transform
        self._reader = RecordReader(members, request)
        self._checked = False

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_checked": False}

    def __len__(self) -> int:
        return len(self._request.rows) * self._request.each

    def __getitem__(self, index: int) -> Any:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: list[int]) -> list[Any]:
        """Return several items at once: one read for each chunk that they touch."""
        if not self._checked:
            self._reader.check()
            self._checked = True
        request = self._request
        wanted = np.arange(len(self))[np.asarray(indices, np.int64)]
        places, back = np.unique(wanted // request.each, return_inverse=True)
        rows = request.rows[places]
        counts = np.bincount(np.searchsorted(request.edges, rows, side="right"))
        records = self._reader.read(rows, counts[counts > 0], fetch=False)
        items = records.items(back * request.each + wanted % request.each)
        tensors = {name: _tensor(values) for name, values in items.items()}
        return [
            _transformed(self._transform, {name: tensor[row] for name, tensor in tensors.items()})
            for row in range(len(indices))
        ]


class RecordStream(IterableDataset[Any]):
    """An iterable data set: whole chunks, shuffled by seed and epoch, shared out to ranks and workers.

    Args:
        members: The corpora.
        request: What to read.
        transform: Called with each item, or each batch.
        shuffle: Whether the order is random.
        seed: Of the order.
        buffer: Items that are shuffled among each other.
        batch: Items a batch; None for single items.
        ranks: Number of this process, and of all that train; None for what ``torch.distributed`` says now.
    """

    def __init__(
        self,
        members: Sequence[Corpus],
        request: LoadRequest,
        *,
        transform: Transform | None,
        shuffle: bool,
        seed: int,
        buffer: int,
        batch: int | None,
        ranks: tuple[int, int] | None,
    ) -> None:
        super().__init__()
        self._request, self._transform, self._batch = request, transform, batch
        self._reader = RecordReader(members, request)
        self._order = EpochOrder(request.rows, request.edges, request.each, shuffle, seed, buffer)
        part = Part(*(_distributed() if ranks is None else ranks))
        self._rank, self._world = part.rank, part.world
        # Workers that live on see the epoch move: its memory is shared with them.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self._going_on: dict[str, Any] | None = None
        self._yields = 0

    @property
    def epoch(self) -> int:
        """Number of the epoch that the next iteration gives."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Name the epoch that the next iteration gives; each has an order of its own.

        Raises:
            CorpusError: A negative number.
        """
        if epoch < 0:
            raise CorpusError(f"an epoch of {epoch}", accepted="0 or more")
        self._epoch.fill_(epoch)

    def items(self) -> int:
        """Return how many items this rank gives in this epoch, all its workers together."""
        return self._order.items_of(self.epoch, Part(self._rank, self._world))

    def state_dict(self, yields: int | None = None) -> dict[str, Any]:
        """Return where the epoch stands, to go on from.

        Args:
            yields: Items, or batches where ``batch`` was given, that a loader with workers has handed out:
                a copy of the data set in each worker gives them, so that this one can't count them. Without
                it those that this copy has given, which is all where there are no workers.
        """
        return {
            "epoch": self.epoch,
            "seed": self._order.seed,
            "rank": [self._rank, self._world],
            "batch": self._batch,
            "yields": self._yields if yields is None else int(yields),
            "of_worker": yields is None and get_worker_info() is not None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where another data set of the same request, and as many workers, has stopped.

        It counts for iterations of its epoch, until :meth:`set_epoch` names another.

        Args:
            state: What :meth:`state_dict` returned.

        Raises:
            CorpusError: A state of another order.
        """
        mine = self.state_dict(0)
        differ = [key for key in ("seed", "rank", "batch") if state.get(key) != mine[key]]
        if differ or not {"epoch", "yields", "of_worker"} <= set(state):
            raise CorpusError(
                f"the state is of another {differ[0] if differ else 'loader'}",
                accepted=", ".join(f"{key}={mine[key]}" for key in ("seed", "rank", "batch")),
            )
        self.set_epoch(int(state["epoch"]))
        self._going_on = dict(state)

    def _done(self, part: Part) -> int:
        """Return how many yields of this reader were given before."""
        state = self._going_on
        if state is None or state["epoch"] != self.epoch:
            return 0
        if state["of_worker"]:
            return int(state["yields"])
        parts = [Part(part.rank, part.world, worker, part.workers) for worker in range(part.workers)]
        items = np.array([self._order.items_of(self.epoch, one) for one in parts], np.int64)
        return int(given_by(state["yields"], -(-items // (self._batch or 1)))[part.worker])

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        spread = (0, 1) if worker is None else (worker.id, worker.num_workers)
        part = Part(self._rank, self._world, *spread)
        self._reader.check()
        self._yields = self._done(part)
        readings = self._order.readings(self.epoch, part, skip=self._yields * (self._batch or 1))
        if self._batch is None:
            given = single_items(self._reader, readings)
        else:
            given = batches(self._reader, readings, self._batch)
        return map(self._give, given)

    def _give(self, arrays: dict[str, np.ndarray]) -> Any:
        self._yields += 1
        return _transformed(self._transform, {name: _tensor(values) for name, values in arrays.items()})


def _distributed() -> tuple[int, int]:
    """Return number of this process and of all that train."""
    spread = torch.distributed
    if spread.is_available() and spread.is_initialized():
        return int(spread.get_rank()), int(spread.get_world_size())
    return 0, 1


def _transformed(transform: Transform | None, tensors: dict[str, torch.Tensor]) -> Any:
    return tensors if transform is None else transform(tensors)


def _tensor(values: np.ndarray) -> torch.Tensor:
    if values.dtype.kind in "UOT":
        raise SetupError(f"text of type {values.dtype} has no tensor", remedy="leave it out of variables")
    # Contiguous memory that may be written is taken over as it is; anything else is copied.
    return torch.from_numpy(np.require(values, requirements=["C", "W"]))
