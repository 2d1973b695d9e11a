"""Class sets: the one-actions that make up each class of the synthetic videos, a pure function of the seed."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from epitoma.core.errors import ConfigError
from epitoma.datasets.sprites import OneAction


def choose_class_sets(
    actions: Sequence[OneAction], *, classes: int, actions_per_class: int, with_twins: bool, seed: int
) -> tuple[tuple[OneAction, ...], ...]:
    """Choose a set of one-actions for each class, as different as possible, using each action about equally often.

    The first two classes may be twins, which differ in motion only; the others differ in single frames too.

    Args:
        actions: One-actions to choose from.
        classes: Number of sets.
        actions_per_class: One-actions of each set.
        with_twins: Whether to begin with twins, if the actions allow it.
        seed: Seed that breaks ties.

    Raises:
        ConfigError: There are not enough one-actions for that many classes.
    """
    candidates = [
        chosen
        for chosen in combinations(range(len(actions)), actions_per_class)
        if len({actions[i].appearance for i in chosen}) == actions_per_class
    ]
    chosen = [candidates.index(twin) for twin in _twins(actions, actions_per_class)] if with_twins else []
    shows = _membership(candidates, [action.name for action in actions])
    looks = _membership(candidates, [action.appearance for action in actions])
    tie_break = np.random.default_rng(seed).permutation(len(candidates))
    while len(chosen) < classes:
        shared = looks @ looks[chosen].T if chosen else np.zeros((len(candidates), 1))
        usage = shows @ (shows[chosen].sum(axis=0) ** 2)
        # The last key counts most: largest overlap with a class, classes overlapped by 2 or more, even use, chance.
        order = np.lexsort((tie_break, usage, (shared >= 2).sum(axis=1), shared.max(axis=1)))
        if shared[order[0]].max() == actions_per_class:
            raise ConfigError(f"{len(actions)} one_actions are too few for {classes} classes")
        chosen.append(int(order[0]))
    return tuple(tuple(actions[i] for i in candidates[number]) for number in chosen)


def _membership(candidates: list[tuple[int, ...]], features: Sequence[Any]) -> np.ndarray:
    """Whether any action of a candidate set has a feature, 0 or 1, int (candidates, features)."""
    distinct = sorted(set(features))
    membership = np.zeros((len(candidates), len(distinct)), dtype=int)
    for row, chosen in enumerate(candidates):
        membership[row, [distinct.index(features[i]) for i in chosen]] = 1
    return membership


def _twins(actions: Sequence[OneAction], actions_per_class: int) -> list[tuple[int, ...]]:
    """Two sets with equal appearances that differ in the motion of paired actions only; empty if impossible."""
    pairs = [
        (i, j)
        for i, j in combinations(range(len(actions)), 2)
        if actions[i].appearance == actions[j].appearance
    ]
    split = pairs[: min(2, actions_per_class)]
    paired = {i for pair in pairs for i in pair}
    common = [i for i in range(len(actions)) if i not in paired][: actions_per_class - len(split)]
    if not split or len(split) + len(common) < actions_per_class:
        return []
    return [tuple(sorted([*(pair[side] for pair in split), *common])) for side in (0, 1)]
