"""Every way to choose timesteps, with the settings among which validation chooses: as many for each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from benchmarks.selectors.attention import SoftAttention
from benchmarks.selectors.early_exit import EarlyExit
from benchmarks.selectors.epitoma_model import by_threshold, ours, paper
from benchmarks.selectors.given import SIZES, Given, Oracle
from benchmarks.selectors.peer import Peer
from benchmarks.selectors.policy import OneStepPolicy
from benchmarks.selectors.recipe import Recipe, train
from benchmarks.selectors.saliency import SaliencyRanking
from benchmarks.selectors.videos import KEPT, Splits, Videos
from epitoma.training.metrics import accuracy


class Fitted(Protocol):
    """A trained way."""

    @property
    def looks(self) -> bool:
        """Whether LightNet looks at every candidate."""
        ...

    def seen(self, videos: Videos, kept: int) -> tuple[Tensor, float]:
        """Class scores of videos where ``kept`` timesteps are kept, and how many really were on average."""
        ...


@dataclass(frozen=True, kw_only=True)
class Way:
    """A way to choose.

    Attributes:
        name: As it is reported.
        fit: Trains it with one of the settings.
        settings: What validation chooses among.
        also: The same trained way asked in other ways, by name; made from it and validation videos.
    """

    name: str
    fit: Callable[..., Fitted]
    settings: Sequence[Mapping[str, Any]]
    also: Mapping[str, Callable[..., Fitted]] = field(default_factory=dict)


def mean_accuracy(fitted: Fitted, videos: Videos) -> float:
    """Accuracy, averaged over all numbers of timesteps: what settings and epochs are chosen by."""
    found = [accuracy(fitted.seen(videos, kept)[0], videos.split.labels_VL) for kept in KEPT]
    return sum(found) / len(found)


def fit_peer(
    make: Callable[..., Peer], splits: Splits, recipe: Recipe, *, seed: int, **settings: Any
) -> Peer:
    """Train a peer from scratch."""
    torch.manual_seed(seed)
    peer = make(splits.training, **settings)

    def score() -> float:
        peer.settle(splits.validation)
        return mean_accuracy(peer, splits.validation)

    train(peer, splits.training, recipe, seed=seed, score=score)
    with torch.inference_mode():
        peer.settle(splits.validation)
    return peer


def _peer(name: str, make: Callable[..., Peer], *settings: Mapping[str, Any]) -> Way:
    return Way(name=name, fit=partial(fit_peer, make), settings=settings)


def _two(**settings: tuple[Any, Any]) -> tuple[Mapping[str, Any], ...]:
    """Two settings that differ in what is a way's own; dropout is the same for all ways."""
    ((name, values),) = settings.items()
    return tuple({"dropout": 0.5, name: value} for value in values)


WAYS = (
    *(
        _peer(way, partial(Given, way=way), *_two(trained_on=("subsets", "whole")))
        for way in ("uniform", "random", "dense")
    ),
    _peer("oracle", Oracle, *_two(sizes=(SIZES, (8, 16)))),
    _peer("saliency", SaliencyRanking, *_two(pooled=(4, 8))),
    _peer("policy", OneStepPolicy, *_two(picked=(4, 8))),
    _peer("early_exit", EarlyExit, *_two(sureness=(0.5, 1.0))),
    _peer("attention", SoftAttention, *_two(sharpness=(1.0, 3.0))),
    Way(name="paper", fit=paper, settings=_two(l0_weight=(0.1, 0.5))),
    Way(name="ours", fit=ours, settings=_two(redundancy=(1.0, 8.0)), also={"ours_gate": by_threshold}),
)
