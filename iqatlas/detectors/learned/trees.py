"""Ensembles of decision trees as plain arrays: what is stored, and how it decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int32

from iqatlas.errors import CorpusError

_AT_ONCE = 1 << 20
"""Pairs of row and tree that are followed at once."""
_FIELDS = {
    "root": np.int32,
    "feature": np.int32,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "value": np.float64,
    "start": np.float64,
}


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees whose values at the leaves add up to a score.

    A row goes left where its column is at most the threshold. A leaf is its own left and right.

    Args:
        root: First node of each tree; trees lie one behind the other.
        feature: Column that a node looks at.
        threshold: What it is compared with.
        left: Node where it is at most that.
        right: Node where it is more.
        value: What a leaf adds.
        start: What the score begins with.
    """

    root: Int32[np.ndarray, " tree"]
    feature: Int32[np.ndarray, " node"]
    threshold: Float64[np.ndarray, " node"]
    left: Int32[np.ndarray, " node"]
    right: Int32[np.ndarray, " node"]
    value: Float64[np.ndarray, " node"]
    start: Float64[np.ndarray, "1"]

    def leaves(self, rows: Float32[np.ndarray, "row column"]) -> Float64[np.ndarray, "row tree"]:
        """Return what each tree adds to each row's score."""
        node = np.repeat(self.root[None], len(rows), axis=0)
        places = np.arange(len(rows))[:, None]
        while True:
            low = rows[places, self.feature[node]] <= self.threshold[node]
            onward = np.where(low, self.left[node], self.right[node])
            if np.array_equal(onward, node):
                added: np.ndarray = self.value[node]
                return added
            node = onward

    def scores(self, rows: Float32[np.ndarray, "row column"]) -> Float64[np.ndarray, " row"]:
        """Return the score of each row: above zero is rather occupied."""
        step = max(1, _AT_ONCE // max(1, len(self.root)))
        parts = [self.leaves(rows[at : at + step]).sum(axis=1) for at in range(0, len(rows), step)]
        total: np.ndarray = self.start[0] + np.concatenate([np.empty(0), *parts])
        return total

    def first(self, trees: int) -> Trees:
        """Return the ensemble of the first so many trees."""
        stop = int(self.root[trees]) if trees < len(self.root) else len(self.feature)
        nodes = {
            name: getattr(self, name)[:stop] for name in ("feature", "threshold", "left", "right", "value")
        }
        return Trees(root=self.root[:trees], start=self.start, **nodes)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return the arrays by name."""
        return {name: getattr(self, name) for name in _FIELDS}


def trees_from(arrays: Mapping[str, np.ndarray], *, columns: int, where: str) -> Trees:
    """Return an ensemble from arrays of unknown origin.

    Args:
        arrays: What :meth:`Trees.arrays` gave.
        columns: Columns of the rows that it will be asked about.
        where: File that they come from, for messages.

    Raises:
        CorpusError: They are not those of trees: a type, a length, a node that doesn't exist, or a way that
            doesn't end.
    """
    nodes = len(arrays["feature"]) if "feature" in arrays and arrays["feature"].ndim == 1 else 0
    lengths = dict.fromkeys(_FIELDS, nodes) | {"start": 1}
    lengths["root"] = len(arrays["root"]) if "root" in arrays and arrays["root"].ndim == 1 else 0
    typed = set(arrays) == set(_FIELDS) and all(
        arrays[name].dtype == kind and arrays[name].shape == (lengths[name],)
        for name, kind in _FIELDS.items()
    )
    if not typed or not nodes or not lengths["root"]:
        raise CorpusError("the arrays are not those of trees", where=where, remedy="get the model again")
    made = Trees(**{name: arrays[name] for name in _FIELDS})
    own = np.arange(nodes)
    leaf = (made.left == own) & (made.right == own)
    # Branches go on to later nodes alone: every way then ends at a leaf.
    sound = np.all(leaf | ((made.left > own) & (made.right > own)))
    inside = np.all((made.left < nodes) & (made.right < nodes)) and np.all(
        (made.feature >= 0) & (made.feature < columns)
    )
    rooted = made.root[0] == 0 and np.all(np.diff(made.root) > 0) and made.root[-1] < nodes
    if not (sound and inside and rooted):
        raise CorpusError("the trees lead nowhere", where=where, remedy="get the model again")
    return made
