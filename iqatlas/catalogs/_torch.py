"""The one door to PyTorch: records as a data set of tensors, by index or as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from iqatlas.catalogs.epoch_order import EpochOrder, Part, given_by
from iqatlas.catalogs.item_batches import batches, single_items
from iqatlas.catalogs.load_request import LoadRequest
from iqatlas.catalogs.record_reader import RecordReader
from iqatlas.catalogs.stream_state import order_state, see_that_it_fits
from iqatlas.errors import CorpusError, SetupError

try:
    import torch
    from torch.utils.data import Dataset, IterableDataset, get_worker_info
except ImportError:
    raise SetupError("PyTorch is not installed", remedy="pip install 'iqatlas[torch]'") from None

if TYPE_CHECKING:
    from iqatlas.catalogs.corpus import Corpus

Transform = Callable[[Any], Any]

_NOBODY = -1
_MOST = 4096
"""Workers that a state may tell of: shares are worked out for each of them."""
_SLOTS = 256
"""Workers that are told apart where a loader's seed does not tell one pass from the next."""


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
        even: Whether all ranks give as many items: those that some have more are left out of the epoch.

    Raises:
        CorpusError: Ranks have to be even, and there are fewer chunks than ranks.
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
        even: bool = False,
    ) -> None:
        super().__init__()
        self._request, self._transform, self._batch = request, transform, batch
        self._reader = RecordReader(members, request)
        self._order = EpochOrder(request.rows, request.edges, request.each, shuffle, seed, buffer, even)
        part = Part(*(_distributed() if ranks is None else ranks))
        self._order.items_of(0, part)
        self._part = part
        self._own = order_state(members, self._order, rank=part.rank, world=part.world, batch=batch)
        # Workers that live on see the epoch move, and this copy sees what workers began: shared memory.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()
        self._readers = torch.full((), _NOBODY, dtype=torch.int64).share_memory_()
        self._taken_by = torch.full((), _NOBODY, dtype=torch.int64).share_memory_()
        self._takers = torch.zeros(_SLOTS, dtype=torch.bool).share_memory_()
        self._going_on: dict[str, Any] | None = None
        self._position = (0, 0)
        self._pass = 0

    @property
    def epoch(self) -> int:
        """Number of the epoch that the next iteration gives."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Name the epoch that the next iteration gives; each has an order of its own.

        Raises:
            CorpusError: A negative number, or no whole one.
        """
        if not _whole(epoch) or epoch < 0:
            raise CorpusError(f"an epoch of {epoch}", accepted="0 or more")
        if epoch != self.epoch:
            self._epoch.fill_(epoch)
            self._readers.fill_(_NOBODY)
            self._going_on, self._position = None, (epoch, 0)

    def items(self, workers: int = 1) -> int:
        """Return how many items this rank gives in this epoch, all its workers together.

        Args:
            workers: Number of a loader's workers: what is left out to make ranks even depends on it.
        """
        part = Part(self._part.rank, self._part.world, 0, workers)
        return int(self._order.items_by_worker(self.epoch, part).sum())

    def state_dict(self, yields: int | None = None, workers: int | None = None) -> dict[str, Any]:
        """Return where the epoch stands, to go on from.

        Copies of the data set in a loader's workers give the batches, and this one can't count them: tell
        how many were taken, those before a stop and a going on included.

        Args:
            yields: Items, or batches where ``batch`` was given, that were taken of this epoch. Without it
                those that this copy has given, which is all where there are no workers.
            workers: Number of the loader's workers. Without it the number of those that began this epoch,
                where some did.

        Raises:
            CorpusError: More yields than the epoch has, or a negative number; or workers give them, and
                their number isn't told.
        """
        info = get_worker_info()
        told = yields is not None
        if yields is None:
            waiting = self._waiting()
            if info is not None:
                workers = info.num_workers
            elif waiting is not None:
                return waiting
            elif int(self._readers) > 0:
                raise CorpusError(
                    f"num_workers={int(self._readers)}: workers give this epoch, uncounted by this copy",
                    accepted="state_dict(yields=…), the number that was taken",
                )
            epoch, given = self._position
            yields = given if epoch == self.epoch else 0
        if workers is None and int(self._readers) != _NOBODY:
            workers = int(self._readers)
        state = {
            **self._own,
            "epoch": self.epoch,
            "yields": int(yields) if _whole(yields) else yields,
            "worker": None if info is None else info.id,
            "workers": workers,
        }
        if told:
            self._see_that_it_is_within(state)
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from where another data set of the same request, and as many workers, has stopped.

        The next iteration of that epoch gives the rest of it, and those behind it whole epochs again;
        :meth:`set_epoch` with another epoch makes it void.

        Args:
            state: What :meth:`state_dict` returned.

        Raises:
            CorpusError: A state of another order, of another worker, or beyond the epoch.
        """
        see_that_it_fits(state, self._own)
        info = get_worker_info()
        own = None if info is None else info.id
        if state["worker"] != own:
            raise CorpusError(
                f"the state is of {_reader(state['worker'])}, and {_reader(own)} is to go on from it",
                remedy="let StatefulDataLoader keep the states of its workers",
            )
        self._see_that_it_is_within(state)
        self.set_epoch(state["epoch"])
        self._position = (state["epoch"], state["yields"])
        self._going_on = dict(state)
        if info is None:
            self._taken_by.fill_(_NOBODY)
            self._takers.fill_(False)
            self._readers.fill_(_NOBODY)

    def _see_that_it_is_within(self, state: dict[str, Any]) -> None:
        """Check the numbers of a state, whose number of workers may not be known."""
        epoch, yields, workers = state["epoch"], state["yields"], state["workers"]
        for name, number, most in (
            ("epoch", epoch, None),
            ("yields", yields, None),
            ("workers", workers, _MOST),
        ):
            if number is None and most is not None:
                continue
            if not _whole(number) or number < 0 or (most is not None and number > most):
                accepted = "a whole number, 0 or more" if most is None else f"0 to {most}"
                raise CorpusError(f"{name} of a state is {number!r}", accepted=accepted)
        if workers is None:
            there = self._order.items_of(epoch, self._part)
        else:
            by_worker = self._yields(epoch, workers)
            there = int(by_worker.sum() if state["worker"] is None else by_worker[state["worker"]])
        if yields > there:
            raise CorpusError(
                f"{yields} yields of an epoch that has {there}", accepted=f"0 to {there} in epoch {epoch}"
            )

    def _yields(self, epoch: int, workers: int) -> np.ndarray:
        """Return how many items, or batches, each worker gives."""
        part = Part(self._part.rank, self._part.world, 0, max(1, workers))
        return -(-self._order.items_by_worker(epoch, part) // (self._batch or 1))

    def _waiting(self) -> dict[str, Any] | None:
        """Return the state from which no iteration has gone on so far."""
        if self._going_on is None or int(self._taken_by) != _NOBODY:
            return None
        return dict(self._going_on) if self._going_on["epoch"] == self.epoch else None

    def _taken(self) -> dict[str, Any] | None:
        """Return the state from which this iteration is to go on: the first since it was loaded."""
        info, state = get_worker_info(), self._going_on
        self._going_on = None
        if state is None or state["epoch"] != self.epoch:
            return None
        if info is None:
            return state if int(self._taken_by) == _NOBODY else None
        if state["worker"] is not None:
            return state  # this worker was told, no other
        # Copies of one pass share a seed. A later pass has another, or finds its workers' places taken.
        seed, slot = (info.seed - info.id) % (1 << 63), info.id
        by = int(self._taken_by)
        if by not in (_NOBODY, seed) or (slot < _SLOTS and bool(self._takers[slot])):
            return None
        self._taken_by.fill_(seed)
        if slot < _SLOTS:
            self._takers[slot] = True
        return state

    def _done(self, part: Part) -> int:
        """Return how many yields of this reader were given before."""
        state = self._taken()
        if state is None or not state["yields"]:
            return 0
        if state["workers"] is not None and max(1, state["workers"]) != part.workers:
            raise CorpusError(
                f"the state is of a loader with {state['workers']} workers, and this one has {part.workers}",
                accepted=f"num_workers={state['workers']}",
            )
        if state["worker"] is not None:
            return int(state["yields"])
        self._see_that_it_is_within({**state, "workers": part.workers})
        return int(given_by(state["yields"], self._yields(self.epoch, part.workers))[part.worker])

    def __iter__(self) -> Iterator[Any]:
        info = get_worker_info()
        spread = (0, 1) if info is None else (info.id, info.num_workers)
        part = Part(self._part.rank, self._part.world, *spread)
        self._reader.check()
        epoch, done = self.epoch, self._done(part)
        self._readers.fill_(0 if info is None else info.num_workers)
        self._position = (epoch, done)
        self._pass += 1
        readings = self._order.readings(epoch, part, skip=done * (self._batch or 1))
        if self._batch is None:
            given = single_items(self._reader, readings)
        else:
            given = batches(self._reader, readings, self._batch)
        return map(partial(self._give, self._pass), given)

    def _give(self, number: int, arrays: dict[str, np.ndarray]) -> Any:
        if number == self._pass:  # an earlier iteration that still runs tells no position
            epoch, given = self._position
            self._position = (epoch, given + 1)
        return _transformed(self._transform, {name: _tensor(values) for name, values in arrays.items()})


def _whole(number: object) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


def _reader(worker: int | None) -> str:
    return "a whole loader" if worker is None else f"worker {worker}"


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
